"""Sample frames of a page: the bar at a till, the bar of an office, the door. A sample is (template, context)."""

from __future__ import annotations

from typing import Any

Sample = tuple[str, dict[str, Any]]


def frame(**changes: Any) -> dict[str, Any]:
    """The bar at a till; offices change place, menu and lamps."""
    plain: dict[str, Any] = {
        "lang": "en",
        "dir": "ltr",
        "theme": "auto",
        "operator": "Ampoule",
        "home": "/",
        "site": "Northgate Mall",
        "place": "Till 3",
        "menu": [],
        "lamps": [
            {"state": "on", "text": "Ready to sell"},
            {"state": "", "text": "Budget 61 %, lasts until Thu 15:00"},
            {"state": "on", "text": "Printer"},
        ],
        "person": {"name": "Thandi M.", "since": "07:58"},
        "clock": "10:42",
        "test_keys": False,
        "training": False,
        "offline": "",
        "urls": {"preferences": "/preferences", "sign_out": "/sign-out", "help": "/help/cashier"},
        "languages": [
            {"value": "en", "label": "English"},
            {"value": "zh", "label": "中文"},
            {"value": "fr", "label": "Français"},
            {"value": "ar", "label": "العربية"},
        ],
        "here": "/cashier/",
    }
    return plain | changes


WORDS = ["Live", "Tenants", "Tariffs", "Money", "Reports"]


def office(
    place: str, current: str = "", words: list[str] | None = None, lamp: str = "148 of 148 meters answer"
) -> dict[str, Any]:
    return {
        "place": place,
        "menu": [
            {"label": word, "url": f"/{word.lower()}", "current": word == current} for word in words or WORDS
        ],
        "lamps": [{"state": "on", "text": lamp}],
        "person": {"name": place.split(",")[0], "since": ""},
        "clock": "10:45",
    }


MANAGER = office("P. Naidoo, manager", "Live")


DOOR: dict[str, Any] = {"place": "", "person": None, "lamps": [], "here": "/sign-in"}


SUPERVISOR = office("S. Pillay, supervisor", "Approvals", ["Approvals", "Shifts", "Sales"], "Ready to sell")
