"""What every answer carries so that a browser helps to keep the pages honest: a strict content policy and its friends."""

import logging
import secrets
import time

from flask import Flask, Response, g, request

from vending import logs

log = logging.getLogger("vending.web")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; manifest-src 'self'; worker-src 'self'"
)


def add(app: Flask) -> None:
    @app.before_request
    def name_request() -> None:
        g.request_id = secrets.token_hex(6)
        g.began = time.perf_counter()
        logs.within(request=g.request_id)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=()"
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            # Pages carry tokens and names: neither a shared computer nor a proxy keeps them.
            response.headers.setdefault("Cache-Control", "no-store")
            _note(response)
        return response


def _note(response: Response) -> None:
    """One line a page: the route and not the address, which may carry a secret of a link; who, and how long it took."""
    actor = g.get("actor")
    now = time.perf_counter()  # a request that failed before its beginning was noted took no time
    log.info(
        "%s %s",
        request.method,
        request.url_rule.rule if request.url_rule else "(no such page)",
        extra={
            "status": response.status_code,
            "ms": round((now - g.get("began", now)) * 1000, 1),
            **({"by": actor.key} if actor else {}),
        },
    )
