"""The keypad pages of running twins, in the building's own process (decisions.md D18).

`/` lists the meters; `/meters/<number>` is one meter: its display, its keys, what it did, and things to try on it. The page
works as a plain form, with one field and one button; with JavaScript the keys write into the same field. A token travels in
the body of a POST and nowhere else. What it is not: a part of the vending server, or safe to put on a network; it has
no users. It listens on loopback unless it is told otherwise, and takes no orders from pages of other sites.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from meter import drawing, keypad, readings, wording
from meter.building import Building, LiveMeter
from meter.errors import MeterError
from meter.keypad import Keypad, Kind
from meter.local_driver import relay_of
from meter.outcome import Outcome, Shown
from meter.profile import Profile
from meter.state import Cause, Event
from meter.twin import Twin
from meter.wording import Words

PLACES = 7
SECONDS_A_DAY = 86_400
CHART_WIDTH, CHART_HEIGHT = 720, 130

EVENT_LAMPS = {
    "accepted": "on",
    "supply on": "on",
    "key changed": "on",
    "remote on": "on",
    "low": "half",
    "source": "",
    "power on": "",
    "battery in": "",
    "battery out": "half",
    "power off": "",
    "emergency": "half",
}


def assets() -> Path:
    """The folder that holds templates/ and static/: the repository, or the installed package."""
    here = Path(__file__).resolve().parent.parent
    installed = here / "vending" / "_assets"
    return installed if (installed / "templates").is_dir() else here


def create(building: Building) -> Flask:
    """The application for one building."""
    root = assets()
    app = Flask("meter.panel", template_folder=str(root / "templates"), static_folder=str(root / "static"))
    pads: dict[str, Keypad] = {}

    def words() -> Words:
        asked = request.args.get("lang") or request.cookies.get("lang")
        return wording.words(wording.choose(asked or request.headers.get("Accept-Language")))

    def one(number: str) -> tuple[LiveMeter, Keypad]:
        meter = building.find(number)
        if meter is None:
            abort(404)
        pad = pads.setdefault(meter.place.pan, Keypad(meter.hosted, building.clock.speed))
        building.wake(meter)
        pad.forget_stale()
        return meter, pad

    def back(meter: LiveMeter) -> AnyResponse:
        return redirect(f"/meters/{meter.twin.drn}", 303)

    @app.before_request
    def refuse_other_sites() -> tuple[str, int] | None:
        origin = request.headers.get("Origin")
        foreign = request.headers.get("Sec-Fetch-Site") == "cross-site" or (
            origin is not None and origin != "null" and origin.split("://")[-1] != request.host
        )
        if request.method == "POST" and foreign:
            return render_template(
                "meter/problem.html", sentence=words().say("page", "foreign"), w=words()
            ), 403
        return None

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        if request.args.get("lang") in wording.LANGUAGES:
            response.set_cookie("lang", request.args["lang"], samesite="Lax", httponly=True)
        return response

    @app.errorhandler(404)
    def missing(_: Exception) -> tuple[str, int]:
        return render_template("meter/problem.html", sentence=words().say("page", "no_meter"), w=words()), 404

    @app.errorhandler(MeterError)
    def refused(error: MeterError) -> tuple[str, int]:
        return render_template("meter/problem.html", sentence=error.sentence, w=words()), 400

    @app.get("/")
    def index() -> str:
        with building.lock:
            asked = request.args.get("q", "").strip()[:60]
            found = [each for each in building.meters if _fits(each, asked)]
            for each in found:
                building.wake(each)
            rows = [_row(each, words()) for each in found]
        return render_template(
            "meter/index.html", building=building, rows=rows, asked=asked, w=words(), languages=_languages()
        )

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "ready", "meters": len(building.meters)}

    @app.get("/meters/<number>")
    def show(number: str) -> str:
        with building.lock:
            meter, pad = one(number)
            page = _page(building, meter, pad, words(), _page_number())
        return render_template("meter/meter.html", **page, languages=_languages())

    @app.get("/meters/<number>/parts")
    def parts(number: str) -> AnyResponse:
        """The display and the other side again, for the script that keeps the page live."""
        with building.lock:
            meter, pad = one(number)
            page = _page(building, meter, pad, words(), _page_number())
        return make_response(render_template("meter/parts.html", **page))

    @app.post("/meters/<number>")
    def enter(number: str) -> AnyResponse:
        with building.lock:
            meter, pad = one(number)
            pad.enter(request.form.get("token", "")[:80])
        return back(meter)

    @app.post("/meters/<number>/keys")
    def press(number: str) -> AnyResponse:
        with building.lock:
            meter, pad = one(number)
            pad.typed = "".join(filter(str.isdigit, request.form.get("typed", "")))[:20]
            pad.press(request.form.get("key", ""))
        return back(meter)

    @app.post("/meters/<number>/try")
    def attempt(number: str) -> AnyResponse:
        with building.lock:
            meter, _ = one(number)
            _attempt(building, meter, request.form.get("act", ""), request.form.get("watts", ""))
            building.wake(meter)
        return back(meter)

    return app


def _page_number() -> int:
    text = request.args.get("page", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _languages() -> list[Words]:
    return [wording.words(code) for code in wording.LANGUAGES]


def _attempt(building: Building, meter: LiveMeter, act: str, watts: str) -> None:
    hosted = meter.hosted
    match act:
        case "pull":
            hosted.act(Twin.power_off)
        case "plug":
            hosted.act(Twin.power_on)
        case "cover":
            hosted.act(lambda twin: twin.tamper("cover"))
        case "day":
            building.run_ahead(meter, SECONDS_A_DAY)
        case "off":
            hosted.act(Twin.disconnect)
        case "on":
            hosted.act(Twin.reconnect)
        case "battery":
            hosted.act(lambda twin: twin.set_battery(not twin.state.battery_ok))
        case "unpair":
            hosted.act(Twin.unpair)
        case "source":
            sources = len(meter.twin.profile.registers)
            hosted.act(lambda twin: twin.switch_source((twin.state.source + 1) % sources))
        case "load" if watts.isascii() and watts.isdigit() and len(watts) < 8:
            meter.override = int(watts)
        case "over":
            meter.override = _too_much(meter.twin)
        case "usual":
            meter.override = None
        case _:
            raise MeterError("There is no such thing to try. Use the buttons of the page.")


def _fits(meter: LiveMeter, asked: str) -> bool:
    """Whether a meter is meant by what was typed: a part of its unit, tenant or number, spaces aside."""
    plain = "".join(asked.lower().split())
    known = (meter.place.label, meter.place.tenant, meter.twin.drn, meter.place.pan)
    return not plain or any(plain in "".join(each.lower().split()) for each in known)


def _row(meter: LiveMeter, words: Words) -> dict[str, Any]:
    twin = meter.twin
    credit = twin.show("credit")[0]
    return {
        "place": meter.place,
        "drn": twin.drn,
        "drn_grouped": grouped(twin.drn),
        "model": twin.profile.title,
        "credit": credit,
        "on": twin.state.supply,
        "low": bool(twin.state.low),
        "supply": keypad.supply_sentence(twin, words),
        "power": _power(twin),
    }


def grouped(number: str) -> str:
    """A meter number for reading aloud: four, four and the rest."""
    return " ".join(filter(None, (number[:4], number[4:8], number[8:])))


def _power(twin: Twin) -> Shown:
    flow = twin.state.watts if twin.state.supply else 0
    return Shown(
        "power" if twin.profile.load_unit == "W" else "flow", *readings.power_figure(twin.profile, flow)
    )


def _page(building: Building, meter: LiveMeter, pad: Keypad, words: Words, page: int) -> dict[str, Any]:
    twin = meter.twin
    state, model = twin.state, twin.profile
    display = pad.display(page)
    offset = building.plan.utc_offset_minutes * 60
    limit = state.power_limit_w
    typed = display.typed.ljust(20, "-")
    moment = datetime.fromtimestamp(state.now + state.clock_offset + offset, UTC)
    return {
        "w": words,
        "building": building,
        "meter": meter,
        "twin": twin,
        "drn": twin.drn,
        "drn_grouped": grouped(twin.drn),
        "display": display,
        "cells": drawing.cells(display.figure, PLACES),
        "status_words": keypad.STATUS_WORDS,
        "groups": [typed[at : at + 4] for at in range(0, 20, 4)],
        "outcome": pad.answer.result.outcome.name if pad.answer.result else "",
        "sentence": _headline(pad, twin, words),
        "advice": keypad.advice(pad.answer, twin, words),
        "refused": pad.answer.kind is Kind.REFUSED
        or (pad.answer.result is not None and not pad.answer.result.accepted),
        "answer": pad.answer,
        "credits": twin.show("credit"),
        "totals": twin.show("total"),
        "power": _power(twin),
        "limit": twin.show("power limit")[0] if limit else None,
        "lasts": _days_left(meter),
        "supply": _lamp_words(pad, twin, words),
        "on": state.supply,
        "relay": relay_of(twin),
        "chart": drawing.line(list(meter.samples), limit, 3600, CHART_WIDTH, CHART_HEIGHT),
        "chart_times": [
            f"{datetime.fromtimestamp(state.now + offset - back, UTC):%H:%M}"
            for back in (3600, 2700, 1800, 900, 0)
        ],
        "events": [
            _event(twin, each, offset, words) for each in reversed(state.events) if each.kind != "source"
        ][:8],
        "bars": drawing.bars(meter.place.pan),
        "moment": moment,
        "sources": len(model.registers) > 1,
        "short_codes": [
            (code, words.label(_LABELS.get(name, name))) for code, name in model.short_codes.items()
        ],
        "draw_watts": _too_much(twin),
        "draw_figure": " ".join(readings.power_figure(model, _too_much(twin))),
        "kw": lambda watts: " ".join(readings.power_figure(model, watts)),
        "scale": lambda watts: _scale_figure(model, watts),
        "tamper": bool(state.causes & Cause.TAMPER),
    }


_LABELS = {"key": "key revision", "last tokens": "last token"}


def _headline(pad: Keypad, twin: Twin, words: Words) -> str:
    if pad.answer.kind in (Kind.IDLE, Kind.PAGES):
        return keypad.supply_sentence(twin, words) if not twin.state.supply else words.say("supply", "on")
    return keypad.sentence(pad.answer, twin, words)


def _lamp_words(pad: Keypad, twin: Twin, words: Words) -> str:
    """The words beside the supply lamp: the reason, unless the headline gives it already."""
    reason = keypad.supply_sentence(twin, words)
    said = _headline(pad, twin, words)
    return words.say("supply", "on" if twin.state.supply else "off") if reason == said else reason


def _too_much(twin: Twin) -> int:
    """A load just over the limit, to see the meter protect itself."""
    return (twin.state.power_limit_w or 6000) * 7 // 6 // 100 * 100


def _scale_figure(model: Profile, flow: int) -> str:
    """A round figure beside the chart, without zeros at its end."""
    figure, unit = readings.power_figure(model, flow)
    return f"{figure.rstrip('0').rstrip('.') if '.' in figure else figure} {unit}"


def _days_left(meter: LiveMeter) -> int | None:
    """Whole days that the credit lasts at the pace of the last hour; None when nothing can be said."""
    twin = meter.twin
    if len(meter.samples) < 10:
        return None
    pace = sum(flow for _, flow in meter.samples) // len(meter.samples)
    a_day = twin.scales.debit(twin.state, twin.state.source) * pace * SECONDS_A_DAY
    credit = twin.state.credit[twin.scales.account[twin.state.source]]
    return credit // a_day if a_day > 0 and credit > 0 else None


def _event(twin: Twin, event: Event, offset: int, words: Words) -> dict[str, Any]:
    moment = datetime.fromtimestamp(event.at + twin.state.clock_offset + offset, UTC)
    today = datetime.fromtimestamp(twin.state.now + twin.state.clock_offset + offset, UTC).date()
    text = words.say("event", event.kind, detail=words.sections["detail"].get(event.detail, event.detail))
    below, added = "", ""
    if event.kind in ("accepted", "refused"):
        name, _, tail = event.detail.partition(":")
        below = f"… {tail}" if tail else ""
        if event.kind == "refused":
            text = f"{text}: {name.replace('_', ' ')}"
            fields = {"missing": "", "wait": twin.lock_wait_s, "drn": twin.drn}
            below = words.say("next", Outcome[name].name, **fields) if name not in ("LOCKED_OUT",) else below
        if event.units:
            account = twin.profile.accounts[0]
            added = f"+{readings.credit_figure(account, event.units)} {account.unit}"
    return {
        "time": f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%d.%m. %H:%M}",
        "text": text,
        "below": below,
        "added": added,
        "lamp": EVENT_LAMPS.get(event.kind, "now"),
    }
