"""Visit files: what is signed is believed, what is done is done once, and a flat battery loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from building_on_a_socket import Building
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fake_meter import GOOD, FakeMeter

from meter.cli import meter as command
from meter.driver import MeterDriver, Outcome, RelayState
from meter.errors import MeterUnreachable, OutcomeUnknown
from meter.visit import (
    Act,
    Done,
    Results,
    Status,
    Visit,
    VisitExpired,
    VisitRefused,
    VisitSignatureWrong,
    WorkOrder,
    newly_closed,
    open_results,
    open_visit,
    seal,
    seal_results,
    work,
)

OFFICE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
PAN = FakeMeter().pan
VISIT = Visit(
    visit_id="v1",
    site="Mall",
    made_at=NOW - timedelta(hours=1),
    expires_at=NOW + timedelta(hours=8),
    orders=(
        WorkOrder("o1", PAN, Act.READ, "Shop 1"),
        WorkOrder("o2", PAN, Act.TOKEN, "Shop 1", "clear tamper", GOOD),
        WorkOrder("o3", PAN, Act.DISCONNECT, "Shop 1"),
    ),
    result_seed=bytes(32),
)


def run(
    visit: Visit,
    meter: MeterDriver,
    results: Results | None = None,
    now: Callable[[], datetime] = lambda: NOW,
) -> tuple[list[Done], list[Results]]:
    saved: list[Results] = []
    done = [one for _, one in work(visit, results or Results("v1"), lambda order: meter, saved.append, now)]
    return done, saved


def test_comes_back_as_it_was_sealed() -> None:
    assert open_visit(seal(VISIT, OFFICE), OFFICE.public_key(), NOW) == VISIT


def test_every_changed_character_of_the_content_is_seen() -> None:
    sealed = json.loads(seal(VISIT, OFFICE))
    content = sealed["content"]
    for at in range(0, len(content), 7):
        sealed["content"] = content[:at] + chr(ord(content[at]) ^ 1) + content[at + 1 :]
        with pytest.raises(VisitSignatureWrong):
            open_visit(json.dumps(sealed), OFFICE.public_key(), NOW)


def test_another_office_is_not_believed() -> None:
    with pytest.raises(VisitSignatureWrong):
        open_visit(seal(VISIT, Ed25519PrivateKey.generate()), OFFICE.public_key(), NOW)


def test_results_are_no_visit() -> None:
    with pytest.raises(VisitRefused):
        open_visit(seal_results(Results("v1"), VISIT), OFFICE.public_key(), NOW)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "[" * 100_000, "x" * 5_000_000])
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(VisitRefused):
        open_visit(text, OFFICE.public_key(), NOW)


@pytest.mark.parametrize("hours", [-2, 8, 9])
def test_a_visit_is_good_in_its_time_only(hours: int) -> None:
    with pytest.raises(VisitExpired):
        open_visit(seal(VISIT, OFFICE), OFFICE.public_key(), NOW + timedelta(hours=hours))


def test_a_signed_visit_with_a_wrong_token_is_refused() -> None:
    wrong = replace(VISIT, orders=(WorkOrder("o1", PAN, Act.TOKEN, token="12"),))
    with pytest.raises(Exception, match="twenty digits"):
        open_visit(seal(wrong, OFFICE), OFFICE.public_key(), NOW)


def test_works_through_its_orders() -> None:
    meter = FakeMeter()
    done, saved = run(VISIT, meter)
    assert [one.status for one in done] == [Status.DONE] * 3
    assert (done[1].number, meter.entries, meter.relay.state) == (1, [GOOD], RelayState.OPEN)
    assert done[0].credit == meter.read().credit or done[0].credit is not None
    assert open_results(seal_results(saved[-1], VISIT), VISIT) == saved[-1]


def test_does_nothing_at_another_meter() -> None:
    meter = FakeMeter(pan="600727099999999999")
    done, _ = run(VISIT, meter)
    assert {one.status for one in done} == {Status.WRONG_METER}
    assert meter.entries == []
    assert meter.relay.state is RelayState.CLOSED


def test_does_not_do_again_what_is_done() -> None:
    meter = FakeMeter()
    _, saved = run(VISIT, meter)
    assert run(VISIT, meter, saved[-1])[0] == []


def test_a_token_that_was_under_way_is_looked_up_before_it_is_entered() -> None:
    meter = FakeMeter()
    meter.enter_token(GOOD)
    started = Results("v1", (Done("o2", Status.STARTED, NOW),))
    done, _ = run(VISIT, meter, started)
    assert (done[1].status, done[1].number, meter.entries) == (Status.DONE, 1, [GOOD])


def test_the_start_of_a_write_is_saved_before_it() -> None:
    class Dying(FakeMeter):
        def enter_token(self, token: str) -> Outcome:
            raise KeyboardInterrupt

    saved: list[Results] = []
    with pytest.raises(KeyboardInterrupt):
        list(work(VISIT, Results("v1"), lambda order: Dying(), saved.append, lambda: NOW))
    assert saved[-1].of("o2") == Done("o2", Status.STARTED, NOW)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OutcomeUnknown("lost"), Status.UNKNOWN), (MeterUnreachable("gone"), Status.NOT_REACHED)],
)
def test_a_failure_leaves_the_order_open_and_the_visit_goes_on(error: Exception, status: Status) -> None:
    class Failing(FakeMeter):
        def enter_token(self, token: str) -> Outcome:
            raise error

    done, _ = run(VISIT, Failing())
    assert [one.status for one in done] == [Status.DONE, status, Status.DONE]


def test_expires_in_the_middle() -> None:
    times = iter([NOW] * 4 + [VISIT.expires_at] * 9)
    with pytest.raises(VisitExpired, match="in the middle"):
        run(VISIT, FakeMeter(), now=lambda: next(times))


def test_results_close_their_orders_once() -> None:
    _, saved = run(VISIT, FakeMeter())
    first = newly_closed(saved[-1], set())
    assert {one.order_id for one in first} == {"o1", "o2", "o3"}
    assert newly_closed(saved[-1], {one.order_id for one in first}) == ()


def test_results_of_another_visit_or_hand_are_refused() -> None:
    _, saved = run(VISIT, FakeMeter())
    with pytest.raises(VisitSignatureWrong):
        open_results(seal_results(saved[-1], VISIT), replace(VISIT, result_seed=b"\x01" * 32))
    with pytest.raises(VisitRefused):
        open_results(seal_results(Results("v2"), VISIT), VISIT)


def test_never_shows_a_token() -> None:
    assert GOOD not in repr(VISIT)


def test_the_command_works_offline_from_a_file(tmp_path: Path) -> None:
    fake = FakeMeter()
    building = Building(tmp_path / "b.sock", fake)
    live = replace(
        VISIT,
        made_at=datetime.now(UTC) - timedelta(hours=1),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    file = tmp_path / "visit.json"
    file.write_text(seal(live, OFFICE), encoding="utf-8")
    key = OFFICE.public_key().public_bytes_raw().hex()
    arguments = [
        "visit",
        str(file),
        "--office-key",
        key,
        "--yes",
        "--port",
        f"twin:{building.path}?pan={{pan}}",
    ]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.count("done") == 3
    assert GOOD not in result.output
    again = CliRunner().invoke(command, [*arguments, "--list"])
    assert again.output.count("done") == 3
    assert (tmp_path / "visit.json.results").stat().st_mode & 0o777 == 0o600
    building.close()
