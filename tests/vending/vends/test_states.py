"""States move along published edges only (I-21), and what becomes of an order is a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keystore.module import Issued, Refused
from vending.vends.outcome import Answered, decide
from vending.vends.plan import COUNTS, GAVE, KINDS, SOLD, STATES, Settlement, Short
from vending.vends.requests import Part

FULL = (("held/t", "ZAR", 90), ("sales/electricity", "ZAR", -90))
FREE = (("energy/meter/m", "electricity", 7), ("energy/free/electricity", "electricity", -7))
SHORT = Short(1, 10, 60, (("held/t", "ZAR", 90), ("sales/electricity", "ZAR", -30), ("kept/t", "ZAR", -60)))


def answered(kind: str, units: int, *, issued: bool) -> Answered:
    part = Part(f"{kind}-{units}", 1, kind, units, {})
    now = datetime(2026, 11, 20, tzinfo=UTC)
    if not issued:
        return Answered(part, Refused(part.part_id, "day-limit", "Enough today."))
    return Answered(part, Issued(part.part_id, ("1" * 20,), 1, 2014, units, 1, now, "", "", "", "log", None))


@pytest.mark.parametrize(
    ("parts", "state", "units", "free", "returned", "settles"),
    [
        ([], "issued", 0, 0, 0, True),
        ([("credit", 10, True)], "issued", 10, 0, 0, True),
        ([("credit", 10, False)], "refused", 0, 0, 90, False),
        ([("credit", 10, True), ("credit", 20, True)], "issued", 30, 0, 0, True),
        ([("credit", 10, True), ("credit", 20, False)], "partly", 10, 0, 60, True),
        ([("credit", 10, False), ("credit", 20, False)], "refused", 0, 0, 90, False),
        ([("allowance", 7, True), ("credit", 10, True)], "issued", 10, 7, 0, True),
        ([("allowance", 7, False), ("credit", 10, True)], "partly", 10, 0, 0, True),
        ([("allowance", 7, True), ("credit", 10, False)], "partly", 0, 7, 90, False),
        ([("allowance", 7, False), ("credit", 10, False)], "refused", 0, 0, 90, False),
    ],
)
def test_what_becomes_of_an_order(
    parts: list[tuple[str, int, bool]], state: str, units: int, free: int, returned: int, settles: bool
) -> None:
    kinds = {kind for kind, _units, _issued in parts}
    found = decide(
        "credit",
        [answered(kind, each, issued=issued) for kind, each, issued in parts],
        Settlement(
            FULL,
            FREE if "allowance" in kinds else (),
            (SHORT,) if len(parts) == 2 and kinds == {"credit"} else (),
        ),
        paid_minor=90,
        currency="ZAR",
        tenant_key="t",
    )
    assert (found.state, found.units, found.free_units) == (state, units, free)
    assert (found.returned_minor, found.settles) == (returned, settles)
    assert found.state in STATES["paid"]
    # Whatever came: what was held is emptied, and each unit is in balance.
    assert sum(amount for account, _unit, amount in found.legs if account == "held/t") == 90
    for unit in ("ZAR", "electricity"):
        assert sum(amount for _account, one, amount in found.legs if one == unit) == 0


def test_states_end_and_none_goes_back() -> None:
    seen: list[str] = []

    def walk(state: str, way: tuple[str, ...]) -> None:
        assert state not in way, f"{state} comes back"
        seen.append(state)
        for following in STATES[state]:
            walk(following, (*way, state))

    walk("asked", ())
    assert set(seen) == set(STATES)
    assert {state for state, following in STATES.items() if not following} == {
        "withdrawn",
        "cancelled",
        "refused",
        "reversed",
    }
    assert set(GAVE) < set(COUNTS) < set(STATES)
    assert set(SOLD) < set(KINDS)
