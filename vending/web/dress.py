"""What a Flask application needs so that the templates work: drawing functions, filters, and addresses of our files.

`dress(app)` is called once by the application and by the gallery. It adds nothing that a request can change.
It is not the frame of a page: who is signed in, which lamps burn and which words the menu has come from the
application's own context processor (see the head of templates/layout.html).
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib import metadata, resources
from pathlib import Path

from flask import Flask, Response, url_for
from markupsafe import Markup

from vending.web import charts, glass, glossary

HTMX = "vendor/htmx.min.js"


def groups(token: str) -> list[str]:
    """The five groups of four in which people read a token; anything else than 20 digits stays whole."""
    digits = "".join(token.split())
    if len(digits) != 20 or not digits.isdecimal():
        return [token]
    return [digits[index : index + 4] for index in range(0, 20, 4)]


def on_paper(square: Markup) -> Markup:
    """A QR drawing with its size on paper: a module is three dots of a thermal printer (0.38 mm), never less."""
    box = re.search(r'viewBox="0 0 (\d+)', square)
    if box is None:
        return square
    length = f"{0.38 * int(box[1]):g}mm"
    return glass.drawn(str(square).replace("<svg ", f'<svg width="{length}" height="{length}" ', 1))


@cache
def _mark(path: str, changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


def dress(app: Flask) -> None:
    """Register `glass`, `charts`, `asset()` and the filters `groups` and `on_paper`, and serve htmx from its wheel."""

    def asset(name: str) -> str:
        """The address of a file in static/, with a mark of its content, so that browsers may keep it for a year."""
        if name == HTMX:
            return url_for("htmx_script", v=metadata.version("django-htmx"))
        path = Path(app.static_folder or "static") / name
        mark = _mark(str(path), path.stat().st_mtime_ns) if path.is_file() else "0"
        return url_for("static", filename=name, v=mark)

    def htmx() -> Response:
        script = resources.files("django_htmx").joinpath("static/django_htmx/htmx-2.min.js").read_bytes()
        answer = Response(script, mimetype="text/javascript")
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer

    app.jinja_env.globals.update(glass=glass, charts=charts, asset=asset, hint_of=glossary.hint)
    app.jinja_env.filters.update(groups=groups, on_paper=on_paper)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.add_url_rule(f"/static/{HTMX}", "htmx_script", htmx)
