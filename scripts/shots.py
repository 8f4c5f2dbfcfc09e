"""Take the pictures of README.md and of the documentation from the demo, in Chromium: `python -m scripts.shots`.

It runs the demo on a home of its own as a newcomer does, logs in by the printed link, and writes `docs/assets/<page>-<language>.webp`, 1,280
pixels wide. Nothing compares them: they are for people, and a test only looks whether each one that a page shows is there and small.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.doors.chromium import Browser, Tab

ASSETS = Path(__file__).resolve().parent.parent / "docs" / "assets"
WIDTH, HEIGHT = 1280, 860
LARGEST = 150_000  # bytes of one picture, own value
QUALITY = 82  # of WebP, own value: letters stay sharp
SENT_SECONDS = 90  # own value: the worker looks after campaigns every half a minute
PASSWORD = "a password for pictures"


@dataclass(frozen=True)
class Demo:
    """What the demo printed: where its portal is, the path of the first login, the person who browsed."""

    home: Path
    origin: str
    once: str
    person: str


@contextmanager
def demo(home: Path) -> Iterator[Demo]:
    """Run the demo and leave it running while the block runs."""
    words = [sys.executable, "-m", "zerodistance", f"--home={home}", "--lang=en", "--port=0", "demo"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = ""
        while not (once := re.search(r"(http://[^/\s]+)(/once/\S+)", told)):
            line = process.stdout.readline()
            if not line:
                sys.exit(f"the demo ended with {process.wait()}:\n{told}")
            told += line
        person = re.search(r"person (p_\w+)", told)
        assert person is not None, told
        yield Demo(home, once[1], once[2], person[1])
    finally:
        process.terminate()
        process.wait(120)


def log_in(browser: Browser, stand: Demo) -> Tab:
    """Open a page, logged in as the first admin."""
    tab = browser.tab()
    tab.shape(WIDTH, HEIGHT, "light")
    tab.open(f"{stand.origin}{stand.once}")
    for field in ("#password", "#again"):
        tab.fill(field, PASSWORD)
    tab.press("Enter")
    tab.until("location.pathname === '/'")
    return tab


def take(tab: Tab, url: str, path: Path) -> None:
    """Keep what a person sees first of a page."""
    tab.open(url)
    tab.until(
        "!document.getElementById('themap') || document.getElementById('themap').dataset.drawn !== undefined"
    )
    found = tab.call("Page.captureScreenshot", format="webp", quality=QUALITY)
    path.write_bytes(base64.b64decode(found["data"]))
    size = path.stat().st_size
    print(f"{path.relative_to(ASSETS.parent.parent)}  {size / 1e3:.0f} kB")
    if size > LARGEST:
        sys.exit(f"{path.name} is larger than {LARGEST / 1e3:.0f} kB")


def begin(stand: Demo, play: str) -> str:
    """Start a play as somebody would by command, and wait until its first messages are out; return the key of its campaign."""
    words = [sys.executable, "-m", "zerodistance", f"--home={stand.home}", "--lang=en", "marketing"]
    said = subprocess.run(
        [*words, "plays", "start", play], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    found = re.search(r"campaign ([a-z-]+)", said)
    assert found is not None, said
    time.sleep(SENT_SECONDS)
    return found[1]


def main() -> None:
    """Take every picture in both languages."""
    ASSETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder) / "home") as stand:
        browser = Browser(Path(folder) / "profile", stand.origin)
        try:
            tab = log_in(browser, stand)
            pages = {
                "today": "/",
                "person": f"/people/{stand.person}",
                "segment": "/segments/members_gone_quiet",
                "map": "/marketing/map",
                "plays": "/marketing/plays",
                "campaign": f"/marketing/campaigns/{begin(stand, 'filter_due')}",
            }
            for name, path in pages.items():
                for lang in ("zh", "en"):
                    take(tab, f"{stand.origin}{path}?lang={lang}", ASSETS / f"{name}-{lang}.webp")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
