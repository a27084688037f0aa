"""A running building: its file, its meters' memories, its time, and its socket with the real driver."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meter.building import Building, BuildingClock, BuildingWrong, Plan
from meter.building_server import BuildingServer
from meter.driver import RelayState, TokenStatus, open_driver
from meter.errors import MeterError
from meter.nvram import FolderLock, NvramInUse
from meter.test_keys import Keying, KeyNotThere, KeysWrong, TestKeys
from meter.twin_driver import TwinDriver

from .house import KEYS, HandClock, a_building, entry, key_for, number_of, pan_of, plan
from .keying import START, credit


def test_meters_are_delivered_as_the_file_says(tmp_path: Path) -> None:
    house = a_building(tmp_path)
    meter = house.find(number_of(0))

    assert meter is not None
    assert meter.twin.credit_units() == 860
    assert meter.twin.state.supply
    assert house.find(pan_of(3)).twin.profile.service == "water"  # type: ignore[union-attr]
    assert house.find(" ".join(number_of(1))) is not None
    assert house.find("123") is None


def test_a_meter_keeps_the_key_expiry_it_was_given(tmp_path: Path) -> None:
    house = a_building(tmp_path, meters=[entry(0, "single-phase", ken=40)])
    assert house.meters[0].twin.state.ken == 40


def test_a_meter_keeps_its_memory_over_a_restart_which_is_a_power_cut(tmp_path: Path) -> None:
    clock = HandClock()
    house = a_building(tmp_path, clock)
    meter = house.find(number_of(0))
    assert meter is not None
    digits = credit(100, key_for(0), tid=77)
    assert meter.hosted.enter(digits).accepted
    clock.moment += 5_000

    # No orderly end: the process is gone, and an hour later a new one starts.
    again = a_building(tmp_path, clock).find(number_of(0))

    assert again is not None
    assert again.twin.credit_units() == 960
    assert again.twin.state.power_fails == 1
    assert again.twin.state.now == START + 5_000
    assert again.hosted.enter(digits).outcome.name == "USED"


def test_an_orderly_end_keeps_the_last_moment(tmp_path: Path) -> None:
    clock = HandClock()
    house = a_building(tmp_path, clock)
    clock.moment += 7_200
    house.close()

    meter = a_building(tmp_path, clock).find(number_of(0))
    assert meter is not None
    assert meter.twin.state.totals[0] > 0


def test_a_meter_that_was_run_ahead_keeps_its_lead(tmp_path: Path) -> None:
    clock = HandClock()
    house = a_building(tmp_path, clock)
    meter = house.find(number_of(0))
    assert meter is not None
    house.run_ahead(meter, 86_400)
    assert meter.twin.state.now == START + 86_400

    again = a_building(tmp_path, clock).find(number_of(0))
    assert again is not None
    assert again.lead_s == 86_400


def test_time_runs_as_fast_as_it_is_told() -> None:
    moment = [0.0]
    clock = BuildingClock(60, start=START, monotonic=lambda: moment[0])
    moment[0] = 2.5
    assert clock.now() == START + 150
    with pytest.raises(BuildingWrong):
        BuildingClock(10_001)


WRONG: list[tuple[str, Any]] = [
    ("no object", []),
    ("no meters", {"site": "x"}),
    ("a meter that is no object", plan(meters=[7])),
    (
        "a wrong check digit",
        plan(meters=[entry(0, "water", pan=pan_of(0)[:-1] + str((int(pan_of(0)[-1]) + 1) % 10))]),
    ),
    ("no key revision", plan(meters=[{k: v for k, v in entry(0, "water").items() if k != "krn"}])),
    ("words for numbers", plan(meters=[entry(0, "water", krn="first")])),
    ("credit below zero", plan(meters=[entry(0, "water", initial_credit_units=-1)])),
    ("one meter twice", plan(meters=[entry(0, "water"), entry(0, "water")])),
    ("an offset of words", plan(utc_offset_minutes="two hours")),
]


@pytest.mark.parametrize(("what", "content"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_file_is_refused_in_one_sentence(what: str, content: Any) -> None:
    with pytest.raises(BuildingWrong) as refusal:
        Plan.parse(content)
    assert refusal.value.code == "building_wrong"
    assert refusal.value.sentence.endswith(".")


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "no-such-model"},
        {"krn": 7},
        {"load": {"kind": "disco"}},
        {"load": {"peak_w": -1}},
        {"ea": "09"},
    ],
)
def test_a_meter_that_cannot_be_built_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(MeterError):
        Building(Plan.parse(plan(meters=[entry(0, "single-phase", **wrong)])), KEYS, tmp_path, HandClock())


def test_files_that_are_not_there_or_not_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildingWrong):
        Plan.read(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(BuildingWrong):
        Plan.read(tmp_path / "broken.json")


class TestKeyFile:
    def test_the_demonstration_file_of_the_keystore_is_read(self) -> None:
        path = Path(__file__).parents[2] / "keystore" / "demonstration.toml"
        assert len(TestKeys.read(path)) >= 4

    @pytest.mark.parametrize(
        "text",
        [
            "not toml [",
            "value = 1",
            'notice = "live keys"',
            'notice = "test keys"\n[[keys]]\nsgc = "1"\nvalue = "00"',
        ],
    )
    def test_a_file_that_is_not_of_test_keys_is_refused_without_repeating_it(
        self, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "keys.toml").write_text(text)
        with pytest.raises(KeysWrong) as refusal:
            TestKeys.read(tmp_path / "keys.toml")
        assert "00" not in refusal.value.sentence.replace(str(tmp_path), "")

    def test_a_missing_key_is_named_by_its_group(self) -> None:
        with pytest.raises(KeyNotThere):
            KEYS.decoder_key(Keying(pan_of(0), "11", "04", "600100", 9, "01", 2, 255, 2014))


def test_only_one_process_runs_a_folder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(NvramInUse):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


class TestSocket:
    @pytest.fixture
    def served(self, tmp_path: Path) -> Any:
        house = a_building(tmp_path / "state")
        server = BuildingServer(house, tmp_path / "building.sock")
        server.start()
        yield house, f"twin:{tmp_path}/building.sock?pan={pan_of(0)}"
        server.stop()

    def test_the_driver_sells_reads_and_switches(self, served: Any) -> None:
        _, url = served
        driver = open_driver(url)
        assert isinstance(driver, TwinDriver)
        assert driver.info().pan == pan_of(0)
        outcome = driver.enter_token(credit(100, key_for(0), tid=50))
        assert outcome.status is TokenStatus.ACCEPTED
        assert outcome.credit is not None
        assert (outcome.credit.amount, outcome.credit.unit) == (96_000, "Wh")
        assert driver.disconnect().state is RelayState.OPEN
        assert driver.read().relay.reason == "remote"
        assert driver.reconnect().state is RelayState.CLOSED
        assert driver.last_tokens()[0].status == 1
        assert int(driver.clock().timestamp()) == START
        driver.close()

    def test_one_token_from_many_sides_at_once_is_accepted_once(self, served: Any) -> None:
        house, url = served
        digits = credit(100, key_for(0), tid=60)

        def push(_: int) -> TokenStatus | None:
            driver = open_driver(url)
            try:
                return driver.enter_token(digits).status
            finally:
                driver.close()

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(push, range(36)))

        assert sorted(answers) == [TokenStatus.ACCEPTED] + [TokenStatus.USED] * 35
        assert house.find(number_of(0)).twin.credit_units() == 960

    @pytest.mark.parametrize(
        "line",
        [b"\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b'{"id":1,"verb":"token","pan":7}\n', b"{" * 5000 + b"\n"],
    )
    def test_a_line_that_is_no_question_is_answered_with_a_refusal(
        self, served: Any, tmp_path: Path, line: bytes
    ) -> None:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(tmp_path / "building.sock"))
            wire.sendall(line + b'{"id":2,"verb":"meters"}\n')
            answers = wire.makefile("rb")
            assert json.loads(answers.readline())["ok"] is False
            assert len(json.loads(answers.readline())["result"]["meters"]) == 5

    def test_a_line_without_an_end_closes_the_connection(self, served: Any, tmp_path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.connect(str(tmp_path / "building.sock"))
            wire.settimeout(10)
            try:
                wire.sendall(b"x" * 200_000)
                assert wire.recv(100) == b""
            except ConnectionError:
                pass

    def test_a_second_building_does_not_take_the_socket_of_a_running_one(
        self, served: Any, tmp_path: Path
    ) -> None:
        house, _ = served
        with pytest.raises(BuildingWrong):
            BuildingServer(house, tmp_path / "building.sock")

    def test_a_socket_left_over_from_a_killed_process_is_replaced(self, tmp_path: Path) -> None:
        house = a_building(tmp_path / "state")
        first = BuildingServer(house, tmp_path / "b.sock")
        first.server_close()
        second = BuildingServer(house, tmp_path / "b.sock")
        second.start()
        second.stop()
        assert not (tmp_path / "b.sock").exists()

    def test_the_socket_is_its_owner_s(self, served: Any, tmp_path: Path) -> None:
        assert (tmp_path / "building.sock").stat().st_mode & 0o077 == 0


def test_the_plan_may_be_the_file_that_vending_writes(tmp_path: Path) -> None:
    (tmp_path / "building.json").write_text(json.dumps(plan()))
    assert len(Plan.read(tmp_path / "building.json").places) == 5
