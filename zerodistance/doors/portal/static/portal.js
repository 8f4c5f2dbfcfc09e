// Theme, command box, copying: what a page needs from the browser besides htmx.
const root = document.documentElement;
const YEAR = 31536000;

function dark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function keepLook(values) {
  const token = JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF"];
  fetch("/me/look", { method: "POST", headers: { "X-CSRF": token }, body: new URLSearchParams(values) }).catch(() => {});
}

function openFind() {
  const box = document.getElementById("find");
  if (!box || box.open) return;
  box.showModal();
  box.querySelector("input").select();
  htmx.trigger(document.getElementById("found"), "opened");
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  if (at("[data-theme-switch]")) {
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `zd_theme=${root.dataset.theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax`;
    keepLook({ theme: root.dataset.theme });
  } else if (at("[data-open]")) {
    const box = document.getElementById(at("[data-open]").dataset.open);
    if (box.id === "find") openFind();
    else box.showModal();
  } else if (at("[data-close]")) {
    at("dialog").close();
  } else if (at("[data-copy]")) {
    const button = at("[data-copy]");
    const text = document.getElementById(button.dataset.copy).textContent;
    navigator.clipboard?.writeText(text).then(() => {
      const label = button.querySelector("x-t");
      const before = label.textContent;
      label.textContent = button.dataset.done;
      setTimeout(() => { label.textContent = before; }, 1500);
    });
  } else if (event.target instanceof HTMLDialogElement) {
    event.target.close(); // a click on the backdrop
  }
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openFind();
    return;
  }
  if (!event.target.closest?.("#find")) return;
  const options = [...document.querySelectorAll("#found [role=option]")];
  const now = options.findIndex((o) => o.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = (now + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length;
    options.forEach((o, i) => o.setAttribute("aria-selected", String(i === next)));
    options[next]?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter") {
    event.preventDefault();
    options[Math.max(now, 0)]?.querySelector("a, button")?.click();
  }
});
