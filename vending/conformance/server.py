"""The server of the kit: the API itself, over a sandbox of its own in an empty folder, with an ear at the door.

It is the same code that answers at a site; what is added is a record of every call, and two pages of plain text: what to
do (`/`) and how the client stands (`/verdict`).
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from vending.access import api_keys
from vending.access.policy import ROLES, SYSTEM
from vending.conformance import judging
from vending.conformance.judging import Seen
from vending.errors import VendingError
from vending.estate.numbers import pan_of
from vending.services import Services
from vending.web.api.app import create_api
from vending.web.api.errors import ROOT

KEY = "ampoule_conformance-kit-key-of-no-worth"


class Record:
    """Every call since the start, in order."""

    def __init__(self) -> None:
        self._calls: list[Seen] = []
        self._meters: dict[str, str] = {}  # which meter an order is for
        self._lock = threading.Lock()

    def add(self, seen: Seen) -> None:
        with self._lock:
            if seen.meter and seen.order_id:
                self._meters[seen.order_id] = seen.meter
            self._calls.append(seen)

    def meter_of(self, order_id: str) -> str:
        return self._meters.get(order_id, "")

    @property
    def calls(self) -> list[Seen]:
        with self._lock:
            return sorted(self._calls, key=lambda call: call.at)


def create_kit(services: Services) -> tuple[Flask, Record]:
    _make_key(services)
    record = Record()
    api = create_api(services)
    _listen(api, record)
    pages = Flask("ampoule-conformance", static_folder=None)

    @pages.get("/")
    def tasks() -> Response:
        return _text("\n".join(f"{number}. {task}" for number, task in enumerate(judging.TASKS, 1)))

    @pages.get("/verdict")
    def verdict() -> Response:
        return _text(told(judging.judge(record.calls)))

    pages.wsgi_app = DispatcherMiddleware(pages.wsgi_app, {ROOT: api})  # type: ignore[method-assign]
    return pages, record


def told(verdicts: list[judging.Verdict]) -> str:
    lines = [
        f"{verdict.state:<9} {verdict.rule:<12} {verdict.says}{' ' + verdict.why if verdict.why else ''}"
        for verdict in verdicts
    ]
    passed = sum(verdict.state == judging.PASSED for verdict in verdicts)
    end = "This client conforms." if judging.conforms(verdicts) else "This client does not conform yet."
    return "\n".join([*lines, "", f"{passed} of {len(verdicts)} rules passed. {end}"])


def _make_key(services: Services) -> None:
    wanted = api_keys.content(
        name="Conformance kit",
        site=api_keys.SANDBOX,
        scopes=sorted(permission.value for permission in ROLES["API client"]),
        calls_a_minute=api_keys.MOST_CALLS_A_MINUTE,
        sale_limit_minor=200_000,
        days=api_keys.LONGEST_DAYS,
    )
    with services.db.writing() as session:
        api_keys.load_public(session, services.clock, SYSTEM, wanted, KEY)


def _listen(api: Flask, record: Record) -> None:
    @api.before_request
    def hear() -> None:
        g.heard_at = time.monotonic()
        g.heard = request.get_data(cache=True)

    @api.after_request
    def note(response: Response) -> Response:
        body = _json(g.heard)
        parts = request.view_args or {}
        order_id = str(parts.get("order_id") or body.get("order_id") or "")
        problem = _json(response.get_data()) if response.status_code >= 400 else {}
        whole = response.content_length in (None, len(response.get_data()))
        wait = response.headers.get("Retry-After", "0")
        record.add(
            Seen(
                at=g.heard_at,
                operation=request.endpoint or "",
                meter=_pan(parts.get("number") or body.get("meter")) or record.meter_of(order_id),
                order_id=order_id,
                asked=json.dumps(body.get("amount"), sort_keys=True),
                status=response.status_code if whole else judging.LOST,
                code=str(problem.get("code", "")),
                wait_s=int(wait) if wait.isdigit() else 0,
            )
        )
        return response


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pan(number: object) -> str:
    try:
        return pan_of(str(number))
    except VendingError:
        return ""


def _text(content: str) -> Response:
    return Response(content + "\n", content_type="text/plain; charset=utf-8")
