"""A stage for templates: a small Flask application that renders a sample without any view, database or person.

It is what the gallery draws and what the accessibility tests look at. Nothing of it is part of the product.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, render_template, request
from flask_babel import Babel
from look.samples import all_samples
from look.samples.frames import frame

from vending.web.dress import dress

ROOT = Path(__file__).parents[2]


def make_stage() -> Flask:
    """Serves every sample at /look/<name>?theme=dark&lang=ar&dir=rtl with the content policy of the product."""
    app = Flask("stage", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.secret_key = "only for pictures"
    app.jinja_env.add_extension("jinja2.ext.i18n")
    Babel(app, default_locale="en", locale_selector=lambda: "en")
    dress(app)
    app.jinja_env.globals["csrf_token"] = lambda: "token"

    @app.route("/look/<name>", methods=["GET", "POST"])
    def look(name: str) -> str:
        template, context = all_samples()[name]
        context = dict(context)
        said: dict[str, Any] = dict(context.pop("frame", {}))
        for key in ("theme", "lang", "dir"):
            if key in request.args:
                said[key] = request.args[key]
        return render_template(template, frame=frame(**said), **context)

    @app.after_request
    def policy(answer: Any) -> Any:
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return answer

    return app
