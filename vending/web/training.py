"""Training: the till with everything on it that sells nothing. A choice of this browser, marked on every page."""

from __future__ import annotations

from flask import Response, request

COOKIE = "training"


def is_on() -> bool:
    return request.cookies.get(COOKIE) == "on"


def switch(answer: Response, *, on: bool) -> Response:
    """It ends with the browser: nobody comes in the morning and practises by mistake."""
    if on:
        answer.set_cookie(COOKIE, "on", samesite="Lax", httponly=True)
    else:
        answer.delete_cookie(COOKIE)
    return answer
