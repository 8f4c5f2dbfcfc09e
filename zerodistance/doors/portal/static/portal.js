// Theme, command box, copying, uploading: what a page needs from the browser besides htmx.
const root = document.documentElement;
const YEAR = 31536000;

function dark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function keepLook(values) {
  fetch("/me/look", { method: "POST", headers: { "X-CSRF": token() }, body: new URLSearchParams(values) }).catch(() => {});
}

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF"];
}

// A file goes as the body of the request, so that the door can seal it as it comes; its name goes beside it, in no address.
function upload(form, file) {
  const part = (name) => form.querySelector(`[data-upload-${name}]`);
  const request = new XMLHttpRequest();
  part("name").textContent = file.name;
  part("problem").replaceChildren();
  part("progress").hidden = false;
  const show = (share) => {
    part("progress").querySelector("rect").setAttribute("width", `${share}%`);
    part("said").textContent = `${Math.floor(share)}%`;
  };
  show(0);
  request.upload.onprogress = (event) => { if (event.lengthComputable) show((100 * event.loaded) / event.total); };
  request.onload = () => {
    const to = request.getResponseHeader("Location") || request.getResponseHeader("HX-Redirect");
    if (to) { location.assign(to); return; }
    part("progress").hidden = true;
    part("problem").innerHTML = request.responseText; // made by our own templates, escaped there
  };
  request.onerror = () => { part("progress").hidden = true; part("problem").textContent = form.dataset.uploadBroken; };
  request.open("POST", form.dataset.upload);
  request.setRequestHeader("X-CSRF", token());
  request.setRequestHeader("HX-Request", "true");
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-upload]");
  if (form && event.target.files?.length) { upload(form, event.target.files[0]); event.target.value = ""; }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const spot = event.target.closest?.(".drop");
    if (!spot) return;
    event.preventDefault();
    spot.classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) upload(spot.closest("[data-upload]"), event.dataTransfer.files[0]);
  });
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

// A key presses what names it with data-key, unless somebody is typing or a dialog is open.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input, select, textarea")) return;
  const pressed = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!pressed) return;
  event.preventDefault();
  pressed.click();
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
