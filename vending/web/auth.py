"""Sign in and out. The session is a row on the server; the cookie holds a random secret and nothing else."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from vending.access import service as access
from vending.access.errors import SecondFactorNeeded
from vending.access.policy import Actor
from vending.errors import VendingError
from vending.services import Services
from vending.web import gate, words
from vending.web.frame import local_address

room = Blueprint("auth", __name__)

COOKIE = "ampoule"


def actor_of_request(services: Services) -> Actor | None:
    secret = request.cookies.get(cookie_name(services))
    if not secret:
        return None
    return access.actor_of_session(
        services.db, services.clock, secret, strict=not services.settings.is_demonstration
    )


def cookie_name(services: Services) -> str:
    """The __Host- prefix binds the cookie to this host and to TLS; plain HTTP on this machine cannot have it."""
    return f"__Host-{COOKIE}" if services.settings.serves_tls else COOKIE


@room.get("/sign-in")
@gate.needs(gate.PUBLIC)
def sign_in() -> Any:
    return sign_in_page({})


@room.post("/sign-in")
@gate.needs(gate.PUBLIC)
def enter() -> Any:
    services: Services = g.services
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        signed = access.sign_in(
            services.db,
            services.clock,
            services.vault,
            login=name,
            password=password,
            code=request.form.get("code") or None,
            address=request.remote_addr or "",
            strict=not services.settings.is_demonstration,
        )
    except SecondFactorNeeded:
        return sign_in_page({"name": name, "step": "code"})
    except VendingError as refused:
        return sign_in_page(
            {"name": name, "error": words.refusal(refused.sentence), "error_field": "password"}
        ), 422
    return entered(signed.secret, request.form.get("next") or "/")


def entered(secret: str, address: str) -> Response:
    """Into the house: the cookie with the session's secret, and the page that was wanted."""
    services: Services = g.services
    answer = redirect(local_address(address), 303)
    answer.set_cookie(
        cookie_name(services),
        secret,
        httponly=True,
        samesite="Strict",
        secure=services.settings.serves_tls,
        path="/",
    )
    return answer  # type: ignore[return-value]


@room.post("/sign-out")
@gate.needs(gate.SIGNED_IN)
def sign_out() -> Response:
    services: Services = g.services
    secret = request.cookies.get(cookie_name(services), "")
    access.sign_out(services.db, services.clock, secret)
    answer = redirect(url_for("auth.sign_in"), 303)
    answer.delete_cookie(cookie_name(services), path="/")
    return answer  # type: ignore[return-value]


def sign_in_page(form: dict[str, Any]) -> str:
    services: Services = g.services
    demo: list[dict[str, str]] = []
    if services.settings.is_demonstration:
        from vending.demonstration.people import DEMONSTRATION_PEOPLE

        demo = [
            {"name": one.login, "password": one.password, "role": words.role_name(one.role)}
            for one in DEMONSTRATION_PEOPLE
        ]
    return render_template(
        "access/sign_in.html",
        form={
            "action": url_for("auth.sign_in"),
            "step": "password",
            "name": "",
            "next": request.values.get("next", ""),
            "error": "",
            "error_field": "",
            "passkey": {
                "challenge_url": url_for("account.begin_sign_in"),
                "action": url_for("account.sign_in"),
            },
            **form,
        },
        demo=demo,
    )
