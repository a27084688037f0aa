"""Pictures of every page in every state: `python -m look.gallery [--into DIR] [names...]` with tests/ on the path.

Light and dark, a till's screen, a tablet, a phone, right to left, and paper. Chromium is the system's own.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from pathlib import Path

from look.samples import all_samples
from look.stage import make_stage
from playwright.sync_api import Browser, ConsoleMessage, sync_playwright
from werkzeug.serving import make_server

KINDS = {
    "light": (1440, 900, "?theme=light"),
    "dark": (1440, 900, "?theme=dark"),
    "tablet": (820, 1180, "?theme=light"),
    "phone": (390, 844, "?theme=light"),
    "small": (320, 640, "?theme=light"),
    "rtl": (1440, 900, "?theme=light&lang=ar&dir=rtl"),
    "bare": (1280, 900, "?theme=light"),
}


def draw(browser: Browser, address: str, name: str, kind: str, into: Path) -> list[str]:
    """One picture; returns what the browser complained about (a policy broken, a script that failed)."""
    width, height, query = KINDS[kind]
    complaints: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=kind != "bare"
    )
    page = context.new_page()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{name} {kind}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(f"{name} {kind}: {error}"))
    page.goto(f"{address}/look/{name}{query}")
    page.wait_for_timeout(450 if name == "token" else 60)
    overflow = (
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if kind != "bare"
        else 0
    )
    if overflow > 0:
        complaints.append(f"{name} {kind}: wider than the screen by {overflow} px")
    page.screenshot(path=into / f"{name}-{kind}.png", full_page=True)
    context.close()
    return complaints


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=Path("var/gallery"))
    parser.add_argument("--kinds", default="light,dark,phone")
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    asked.into.mkdir(parents=True, exist_ok=True)
    server = make_server("127.0.0.1", 0, make_stage(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name in asked.names or all_samples():
            for kind in asked.kinds.split(","):
                complaints += draw(browser, f"http://127.0.0.1:{server.server_port}", name, kind, asked.into)
        browser.close()
    server.shutdown()
    print("\n".join(complaints) or "no complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
