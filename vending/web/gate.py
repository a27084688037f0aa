"""Who may open which page: every view names its permission, and a view that names none is refused.

Deny by default: a new route without a word about who may use it answers 403 and fails the test of all routes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, abort, g, redirect, request, url_for

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"  # no sign-in: the sign-in page itself, verification, health
SIGNED_IN = "signed-in"


def needs(
    permission: str, *, back: Callable[[], str] | None = None, most_bytes: int | None = None
) -> Callable[[View], View]:
    """Marks a view with the permission that its caller must hold. `back`: where a form whose sender is not signed in any
    more goes on after signing in, with what was typed; without it such a form is refused. `most_bytes`: for a form with a
    file, which may be larger than others."""

    def marked(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.back = back  # type: ignore[attr-defined]
        view.most_bytes = most_bytes  # type: ignore[attr-defined]
        return view

    return marked


def mark(app: Flask, endpoint: str, permission: str) -> None:
    """The same for a view that was registered elsewhere."""
    needs(permission)(app.view_functions[endpoint])


def permission_of(app: Flask, endpoint: str) -> str | None:
    if endpoint == "static":
        return PUBLIC
    return getattr(app.view_functions[endpoint], "permission", None)


def most_bytes(app: Flask) -> int | None:
    """How much the view of this request takes, where it takes more than the others."""
    if request.endpoint is None:
        return None
    found: int | None = getattr(app.view_functions[request.endpoint], "most_bytes", None)
    return found


def guard(app: Flask, allowed: Callable[[Any, str], bool]) -> None:
    """Checks every request against its view's permission. `g.actor` is set before, or None."""

    @app.before_request
    def check() -> Any:
        if request.endpoint is None:
            return None
        permission = permission_of(app, request.endpoint)
        if permission == PUBLIC:
            return None
        if g.actor is None:
            if request.method == "GET" and request.accept_mimetypes.accept_html:
                return _to_sign_in(request.full_path.rstrip("?"))
            back = getattr(app.view_functions[request.endpoint], "back", None)
            if back is None:
                abort(401)
            return _to_sign_in(back())
        if permission is None or (permission != SIGNED_IN and not allowed(g.actor, permission)):
            abort(403)
        return None


def _to_sign_in(address: str) -> Response:
    """A page goes to the sign-in; a part of a page, asked for by a script, makes its whole page go there."""
    where = url_for("auth.sign_in", next=address)
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": where})
    return redirect(where, 303)  # type: ignore[return-value]
