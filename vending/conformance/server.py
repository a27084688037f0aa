"""The server of the kit: the API itself, over a sandbox of its own in an empty folder, with an ear at the door.

It is the same code that answers at a site; what is added is a record of every call, and two pages of plain text: what to
do (`/`) and how the client stands (`/verdict`).
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wsgi import get_input_stream

from vending.access import api_keys
from vending.access.policy import ROLES, SYSTEM
from vending.conformance import judging
from vending.conformance.judging import Seen
from vending.errors import VendingError
from vending.estate.numbers import pan_of
from vending.services import Services
from vending.web.api.app import ADDRESSES, Api
from vending.web.api.errors import ROOT
from vending.web.api.operations import MOST_BYTES

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

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
    api = _listening(Api(services), record)
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


def _listening(api: Api, record: Record) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The API with an ear at its door: what goes in and what comes out, noted as it passes."""

    def heard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        at = time.monotonic()
        asked = _asked(environ)
        head: list[Any] = []

        def start(*given: Any) -> Any:
            head[:] = given
            return start_response(*given)

        told = b"".join(api(environ, start))
        status, headers = int(head[0].split()[0]), dict(head[1])
        try:
            operation, parts = ADDRESSES.find(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        except VendingError:
            name, parts = "", {}
        else:
            name = operation.name
        body = _json(asked)
        order_id = str(parts.get("order_id") or body.get("order_id") or "")
        problem = _json(told) if status >= 400 else {}
        wait = headers.get("Retry-After", "0")
        record.add(
            Seen(
                at=at,
                operation=name,
                meter=_pan(parts.get("number") or body.get("meter")) or record.meter_of(order_id),
                order_id=order_id,
                asked=json.dumps(body.get("amount"), sort_keys=True),
                status=status if headers["Content-Length"] == str(len(told)) else judging.LOST,
                code=str(problem.get("code", "")),
                wait_s=int(wait) if wait.isdigit() else 0,
            )
        )
        return [told]

    return heard


def _asked(environ: WSGIEnvironment) -> bytes:
    """The body, which is put back for who answers. Of one that is too large nothing is kept; it is refused unread."""
    try:
        asked = get_input_stream(environ, max_content_length=MOST_BYTES).read()
    except RequestEntityTooLarge:
        return b""
    environ["wsgi.input"] = io.BytesIO(asked)
    environ["wsgi.input_terminated"] = True
    return asked


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
