"""What every answer carries so that a browser helps to keep the pages honest: a strict content policy and its friends."""

import logging
import secrets
import time

from flask import Flask, Response, g, request

from vending import logs
from vending.access.policy import Actor

log = logging.getLogger("vending.web")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; manifest-src 'self'; worker-src 'self'"
)


HONEST = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), geolocation=(), microphone=()"),
)
HONEST_AND_SECURE = (*HONEST, ("Strict-Transport-Security", "max-age=31536000"))
# Answers carry tokens and names: neither a shared computer nor a proxy keeps them.
NOT_KEPT = ("Cache-Control", "no-store")


def add(app: Flask) -> None:
    @app.before_request
    def name_request() -> None:
        g.request_id = secrets.token_hex(6)
        g.began = time.perf_counter()
        logs.within(request=g.request_id)

    @app.after_request
    def headers(response: Response) -> Response:
        for name, value in HONEST_AND_SECURE if request.is_secure else HONEST:
            response.headers[name] = value
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint != "static":
            response.headers.setdefault(*NOT_KEPT)
            note(
                request.method,
                request.url_rule.rule if request.url_rule else None,
                response.status_code,
                g.get("began"),
                g.get("actor"),
            )
        return response


def note(method: str, route: str | None, status: int, began: float | None, actor: Actor | None) -> None:
    """One line an answer: the route and not the address, which may carry a secret of a link; who, and how long it took."""
    if not log.isEnabledFor(logging.INFO):
        return
    now = time.perf_counter()  # a request that failed before its beginning was noted took no time
    log.info(
        "%s %s",
        method,
        route or "(no such page)",
        extra={
            "status": status,
            "ms": round((now - (now if began is None else began)) * 1000, 1),
            **({"by": actor.key} if actor else {}),
        },
    )
