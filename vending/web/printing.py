"""Papers that are no receipts on the printer of the till where somebody stands, if that till's PC runs the print agent."""

from __future__ import annotations

import uuid
from typing import Any

from flask import g, request, url_for

from vending.receipts import print_queue
from vending.receipts.writing import Writing
from vending.services import Services
from vending.web import forms, places
from vending.web.words import _


def button(endpoint: str, **values: Any) -> dict[str, Any] | None:
    """An act of a page that prints there; None where the browser is what prints. Its address names this one asking."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        if print_queue.find_agent(session, place.site_key, place.till) is None:
            return None
    return {
        "label": _("Print at till %(till)s", till=place.till),
        "url": url_for(endpoint, once=str(uuid.uuid4()), **values),
        "post": True,
    }


def hand_over(writing: Writing, back: str) -> Any:
    """Answers the button: the paper waits for the printer, and the page says so."""
    place = places.of_request()
    once = request.args.get("once", "")[:64] or str(uuid.uuid4())
    if not to_till(writing, place.site_key, place.till, once):
        return forms.done(_("This till has no print agent any more. Print with the browser."), back)
    return forms.done(_("The paper waits for the printer."), back)


def to_till(writing: Writing, site: str, till: str, once: str) -> bool:
    services: Services = g.services
    with services.db.writing() as session:
        return print_queue.ask_writing(session, services.clock, site, till, writing, once=once)
