"""One line of time of a meter in the words of a page: sales, tokens, keys, visits, people; a long silence is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import url_for

from vending.analytics import timeline
from vending.web import places, trail_words, words
from vending.web.words import _, plural

# A silence that is worth a word.
GAP = timedelta(days=14)


def entries(events: list[timeline.Event]) -> list[dict[str, Any]]:
    """The line of time as the page shows it; a long silence is said."""
    zone = places.of_request().zone
    found: list[dict[str, Any]] = []
    before = None
    for event in events:
        if before is not None and before - event.at > GAP:
            found.append(
                {
                    "gap": plural(
                        "nothing for %(num)s day", "nothing for %(num)s days", (before - event.at).days
                    )
                }
            )
        before = event.at
        found.append(
            {
                "at": words.moment(event.at, zone),
                "iso": event.at.isoformat(),
                "url": "",
                "value": "",
                **_told(event),
            }
        )
    return found


def _told(event: timeline.Event) -> dict[str, Any]:
    facts = event.facts
    if event.kind == "sale":
        states = {
            "issued": ("on", _("Sold")),
            "paid": ("half", _("Paid, the token is on its way")),
            "partly": ("on", _("Sold in part, the rest went back")),
            "refused": ("now", _("Refused, the money is kept for the customer")),
            "reversed": ("off", _("Reversed")),
            "asked": ("half", _("Asked for, waits for a second person")),
            "withdrawn": ("off", _("Withdrawn")),
            "cancelled": ("off", _("Cancelled")),
        }
        state, what = states.get(event.name, ("off", event.name))
        return {
            "state": state,
            "what": f"{what}: {words.measure(facts['units'], facts['service'])}",
            "detail": _("Receipt %(number)s, till %(till)s, %(who)s", number=facts["receipt"], till=facts["till"], who=facts["cashier"]),
            "url": url_for("sales.show", key=event.ref),
            "value": words.total(facts["paid_minor"], facts["currency"]),
        }  # fmt: skip
    if event.kind == "token":
        units = f", {words.units(facts['units'])}" if facts["units"] else ""
        return {
            "state": "on",
            "what": f"{token_kind(event.name)}{units}",
            "detail": _("Entry %(number)s of the log", number=facts["sequence"]),
            "url": url_for("sales.show", key=event.ref),
        }
    if event.kind == "key":
        return {
            "state": "on",
            "what": _("Key of group %(sgc)s, revision %(krn)s", sgc=facts["sgc"], krn=facts["krn"]),
            "detail": "; ".join(part for part in (facts["evidence"], facts["reason"]) if part),
        }
    if event.kind == "ratio":
        return {
            "state": "half",
            "what": _("Transformer ratio %(ct)s, %(vt)s", ct=facts["ct"], vt=facts["vt"]),
            "detail": facts["reason"],
        }
    if event.kind == "visit":
        credit = (facts["readings"] or {}).get("credit")
        return {
            "state": "on" if event.name == "done" else "now",
            "what": f"W-{facts['number']} {facts['title']}",
            "detail": facts["sentence"],
            "url": url_for("work.show", key=event.ref),
            "value": f"{credit[0]} {credit[1]}" if credit else "",
        }
    return {
        "state": "off",
        "what": trail_words.act(event.name),
        "detail": "; ".join(part for part in (facts["who"], facts["reason"] or "") if part),
    }


def token_kind(kind: str) -> str:
    names = {
        "credit": _("Credit"),
        "free": _("Free units"),
        "free-issue": _("Free issue"),
        "allowance": _("Free allowance"),
        "replacement": _("Replaced credit"),
        "refund": _("Replaced credit"),
        "engineering": _("Engineering token"),
        "power-limit": _("Power limit"),
        "clear-credit": _("Clear credit"),
        "clear-tamper": _("Clear tamper"),
        "phase-unbalance-limit": _("Phase unbalance limit"),
        "meter-test": _("Meter test"),
    }
    if kind.startswith("key-change"):
        number = kind.removeprefix("key-change").lstrip("-")
        return _("Key change, token %(number)s", number=number) if number else _("Key change")
    return names.get(kind, kind)
