"""Numbers of meters on a page that runs from right to left: the groups keep the order in which they stand on the meter."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

from flask import Flask
from shop import Shop
from web_app import sign_in

from vending.web import words


def test_the_groups_of_a_meter_number_are_one_number_to_the_bidirectional_algorithm() -> None:
    """A common separator between European digits is part of the number (rule W4 of UAX 9); a plain space is not."""
    shown = words.meter_number("07014482314")
    between = {unicodedata.bidirectional(sign) for sign in re.sub(r"\d", "", shown)}
    assert between == {"CS"}
    assert unicodedata.bidirectional(" ") == "WS"


def test_no_page_of_meters_has_a_number_whose_groups_can_turn_round(app: Flask, shop: Shop) -> None:
    client = sign_in(app, "manager")
    client.set_cookie("lang", "ar")
    key = shop.meter("G-03")
    for path in ("/manager/estate/meters", f"/manager/meters/{key}", "/cashier/till?find=G-03"):
        page = (sign_in(app, "cashier") if "till" in path else client).get(path).get_data(as_text=True)
        assert not re.search(r"\b\d{4} \d{4} \d{3}\b", page), path


def test_files_keep_plain_spaces(app: Flask) -> None:
    saved = sign_in(app, "manager").get("/manager/occupancy?as=csv").get_data(as_text=True)
    meters = sign_in(app, "manager").get("/manager/estate/meters?as=csv").get_data(as_text=True)
    assert "\u00a0" not in saved + meters
    assert len(list(csv.reader(io.StringIO(meters)))) > 10
