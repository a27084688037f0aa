"""What no budget pays for is bounded all the same, and a disk that fills up stops the sale before it stops a cancel."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from keystore_cast import Module, SetTime, credit, management

from keystore import acts, limits
from keystore.errors import LogFull
from keystore.limits import Allowance
from keystore.module import AlreadyIssued, Cancelled, Issued, Refused

SMALL = {"meter-test": Allowance(3, 300), "cancel": Allowance(4, 30)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNPAID", SMALL)


def cancel(module: Module, *order_ids: str) -> list[str]:
    return [
        "" if isinstance(a, Cancelled) else a.code
        for a in module.cancel(order_ids)
        if not isinstance(a, AlreadyIssued)
    ]


@pytest.mark.usefixtures("small")
def test_cancels_of_orders_that_nobody_knows_are_bounded(module: Module) -> None:
    sold = credit()
    module.issued(sold)
    size = module.engine.log.size
    assert cancel(module, *(f"invented-{n}" for n in range(6))) == [
        "",
        "",
        "",
        "",
        "entries-limit",
        "entries-limit",
    ]
    assert module.engine.log.size == size + 4
    assert cancel(module, "invented-0") == [""], "a tombstone that is there already costs nothing"
    assert isinstance(module.cancel([sold.order_id])[0], AlreadyIssued), "nor does an order that was issued"
    assert module.engine.log.size == size + 4
    module.restart(clean=False)
    assert cancel(module, "invented-9") == ["entries-limit"], "a restart gives nothing back"
    assert isinstance(module.source, SetTime)
    module.source.pass_(seconds=31)
    assert cancel(module, "real-order", "invented-10") == ["", "entries-limit"]
    module.engine.log.save_snapshot()
    module.restart()
    assert cancel(module, "invented-11") == ["entries-limit"], "nor does a snapshot"


@pytest.mark.usefixtures("small")
def test_meter_tests_are_bounded_and_the_sentence_says_when(module: Module) -> None:
    answers = [module.one(management(action="meter-test", value=1)) for _ in range(4)]
    assert [type(a) for a in answers] == [Issued, Issued, Issued, Refused]
    assert isinstance(answers[3], Refused)
    assert answers[3].code == "entries-limit"
    assert answers[3].sentence.endswith("repeat it in 300 seconds.")
    assert isinstance(module.one(credit()), Issued), "what a budget pays for goes on"


def free(module: Module, monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    found = SimpleNamespace(f_bavail=megabytes, f_frsize=1 << 20)
    monkeypatch.setattr(os, "statvfs", lambda path: found)
    module.engine.log._room_until = 0.0


def test_the_sale_stops_before_the_disk_is_full_and_cancels_go_on(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold, unsold = credit(), credit()
    module.issued(sold)
    free(module, monkeypatch, 63)
    size = module.engine.log.size
    with pytest.raises(LogFull) as full:
        module.issue([sold, unsold])
    assert "Less than 64 MB are left" in full.value.sentence
    assert module.engine.log.size == size
    assert module.issued(sold).replayed, "the token of a known order needs no room"
    assert cancel(module, unsold.order_id) == [""]
    module.act(
        acts.close_budget(
            budget_id="demo-600100-free", module=module.name, maker="T", reason="T", made=module.now()
        )
    )
    free(module, monkeypatch, 65)
    assert isinstance(module.one(credit()), Issued), "room is back: no restart is needed"


def test_status_warns_of_a_disk_that_fills_up(module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    free(module, monkeypatch, 700)
    assert any("has 700 MB left" in warning for warning in module.status().warnings)
    free(module, monkeypatch, 7000)
    assert not any("MB left" in warning for warning in module.status().warnings)
