"""The keypad: keys, display, sentences, and the two ways to use it in a terminal."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from meter import keypad, profile, wording
from meter.keypad import Keypad, Kind
from meter.keypad_cli import keypad as command
from meter.keypad_line import LineKeypad
from meter.local_driver import Hosted
from meter.outcome import Outcome
from meter.profile import Profile
from meter.twin import Twin

from . import house
from .keying import a_key, a_twin, credit, key_change


def pad(model: str | Profile = "single-phase", units: int = 100) -> tuple[Keypad, Twin]:
    twin = a_twin(model, units=units)
    return Keypad(Hosted(twin, None)), twin


def test_digits_fill_the_glass_and_enter_takes_them() -> None:
    keys, twin = pad()
    digits = credit(4276)
    for digit in digits:
        keys.press(digit)
    assert keys.display().typed == digits
    keys.press("enter")

    shown = keys.display()
    assert (shown.figure, shown.unit, shown.lower, shown.typed) == ("437.6", "kWh", "+427.6", "")
    assert shown.lit == {"ACCEPT", "SUPPLY"}
    assert keypad.sentence(keys.answer, twin, wording.words("en")) == "Accepted. 427.6 kWh were added."
    assert keypad.advice(keys.answer, twin, wording.words("en")) == "The meter now holds 437.6 kWh."


def test_a_twenty_first_digit_is_ignored_and_delete_takes_one_back() -> None:
    keys, _ = pad()
    for _ in range(21):
        keys.press("7")
    assert keys.typed == "7" * 20
    keys.press("delete")
    assert keys.typed == "7" * 19


@pytest.mark.parametrize("form", ["{0} {1}", "  {0}-{1} ", "{0}\n{1}"])
def test_a_pasted_slip_may_have_spaces(form: str) -> None:
    keys, _ = pad()
    digits = credit()
    assert keys.enter(form.format(digits[:8], digits[8:])).result.outcome is Outcome.ACCEPTED  # type: ignore[union-attr]


def test_digits_left_alone_for_thirty_seconds_are_cleared() -> None:
    keys, twin = pad()
    keys.press("1")
    twin.advance(twin.state.now + 31, 0)
    keys.forget_stale()

    assert keys.typed == ""
    assert "30 seconds" in keypad.sentence(keys.answer, twin, wording.words("en"))


@pytest.mark.parametrize(
    ("refusal", "lit"),
    [(credit(key=a_key(9)), {"REJECT"}), ("used", {"REJECT", "USED"}), ("12345", {"REJECT"})],
)
def test_refusals_light_their_word(refusal: str, lit: set[str]) -> None:
    keys, _ = pad()
    digits = credit()
    keys.enter(digits)
    keys.enter(digits if refusal == "used" else refusal)

    assert keys.display().lit - {"SUPPLY"} == lit


def test_the_wait_is_counted_down_on_the_glass() -> None:
    keys, twin = pad()
    for _ in range(3):
        keys.enter("1" * 20)
    twin.advance(twin.state.now + 3, 0)

    shown = keys.display()
    assert (shown.figure, shown.unit) == ("7", "s")
    assert "LOCKED" in shown.lit


@pytest.mark.parametrize("model", profile.list_names())
def test_every_short_code_of_every_model_answers(model: str) -> None:
    keys, twin = pad(model)
    for code in profile.load(model).short_codes:
        answer = keys.enter(code)
        assert answer.pages or answer.kind is Kind.DONE, code
        assert answer.result is None
        for page in answer.pages:
            for language in wording.LANGUAGES:
                assert page.label in wording.words(language).sections["label"], page.label
    assert keys.enter("7777").kind is Kind.REFUSED
    assert "7777" in keypad.sentence(keys.answer, twin, wording.words("en"))


def test_a_short_code_shows_its_figure_and_the_glass_returns_to_credit() -> None:
    keys, twin = pad()
    keys.enter("807")
    assert (keys.display().figure, keys.display().lower) == ("1 2", "")
    twin.advance(twin.state.now + 31, 0)
    assert keys.display().figure == "10.0"


def test_a_test_token_turns_its_pages() -> None:
    keys, _ = pad()
    keys.enter("56493153725450313471")
    figures = [keys.display(page).figure for page in range(len(keys.answer.pages))]

    assert "8.8.8.8.8.8.8.8." in figures
    assert len(figures) >= 15


class TestSplitKeypad:
    def test_an_unpaired_keypad_takes_no_token_until_it_knows_its_meter(self) -> None:
        keys, twin = pad("two-source")
        twin.state.paired = False
        assert keys.enter(credit()).kind is Kind.REFUSED
        assert keys.display().figure == "UnPAIr"
        assert keys.enter("45" + "0" * 11).sentence == ("done", "not_paired")
        assert keys.enter("45" + twin.drn).sentence == ("done", "paired")
        assert keys.enter(credit()).result is not None

    @pytest.mark.parametrize(
        ("model", "battery", "dark"),
        [("two-source", True, False), ("two-source", False, True), ("single-phase", True, True)],
    )
    def test_without_power_only_a_split_keypad_with_a_battery_lights_up(
        self, model: str, battery: bool, dark: bool
    ) -> None:
        keys, twin = pad(model)
        twin.state.battery_ok = battery
        twin.power_off()
        assert keys.display().dark is dark
        assert keys.enter(credit()).sentence == ("done", "dark")


def test_half_a_key_change_says_what_is_missing() -> None:
    keys, twin = pad()
    keys.enter(key_change(a_key(2, krn=2))[0])
    assert "2 3 4" in keypad.advice(keys.answer, twin, wording.words("en"))


@pytest.mark.parametrize("code", wording.LANGUAGES)
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_said_in_every_language_with_a_next_step(code: str, outcome: Outcome) -> None:
    words = wording.words(code)
    assert words.say("outcome", outcome.name)
    assert words.say("next", outcome.name, missing="1", wait=10, drn="07")


def test_all_languages_have_the_same_entries_and_fields() -> None:
    english = wording.words("en").sections
    for code in wording.LANGUAGES:
        other = wording.words(code).sections
        assert {name: set(part) for name, part in other.items()} == {
            name: set(part) for name, part in english.items()
        }
        for section, part in english.items():
            for key, sentence in part.items():
                fields = set(re.findall(r"{(\w+)}", sentence))
                assert set(re.findall(r"{(\w+)}", other[section][key])) == fields, (code, section, key)


@pytest.mark.parametrize(
    ("header", "code"),
    [("fr-CA,fr;q=0.9", "fr"), ("de,zh;q=0.3", "zh"), ("de", "en"), (None, "en"), ("AR", "ar")],
)
def test_the_language_follows_the_browser(header: str | None, code: str) -> None:
    assert wording.choose(header) == code


class TestLines:
    def run(self, *lines: str) -> list[str]:
        said: list[str] = []
        LineKeypad(Hosted(a_twin(units=20), None), wording.words("en"), said.append).run(lines)
        return said

    def test_a_token_line_says_what_happened_and_what_to_do(self) -> None:
        assert self.run("0000")[1].startswith("This meter has no short code")
        assert "Accepted. 10.0 kWh were added." in self.run(credit(100))

    def test_loads_and_waits_make_the_credit_go(self) -> None:
        assert (
            self.run(".load 3600", ".wait 100000")[-1] == "[ 0.0 kWh |  ] Supply off: the credit is used up."
        )

    @pytest.mark.parametrize("line", [".nonsense", ".wait soon", ".load -5", ".lang xx", ".wait 99999999999"])
    def test_an_unknown_line_lists_what_there_is(self, line: str) -> None:
        assert self.run(line)[-1].startswith(".load WATTS")

    def test_the_command_runs_on_a_pipe(self) -> None:
        result = CliRunner().invoke(command, ["--profile", "water", "--lang", "ar"], input="1\n.quit\n")
        assert result.exit_code == 0, result.output
        assert "m³" in result.output


def test_the_full_screen_takes_keys_of_the_keyboard_and_clicks() -> None:
    from meter.keypad_screen import KeypadScreen, big

    twin = a_twin(units=20)
    digits = credit(100)

    async def live() -> str:
        app = KeypadScreen(Hosted(twin, None), wording.words("en"), clock=lambda: 0.0)
        async with app.run_test(size=(100, 32)) as pilot:
            await pilot.press(*digits[:19])
            await pilot.click(f"#key-{digits[19]}")
            await pilot.press("enter")
            await pilot.pause()
            return str(app.query_one("#words").render())

    assert "Accepted. 10.0 kWh were added." in asyncio.run(live())
    assert twin.credit_units() == 120
    assert big("8", 1).splitlines() == [" _  ", "|_| ", "|_| "]


def test_a_meter_of_a_building_keeps_what_was_typed_in_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "building.json").write_text(json.dumps(house.plan()))
    (tmp_path / "keys.toml").write_text(house.KEY_FILE)
    words = ["--config", str(tmp_path / "building.json"), "--keys", str(tmp_path / "keys.toml")]
    words += ["--state", str(tmp_path / "state"), "--meter", house.number_of(0), "--plain"]
    digits = credit(100, house.key_for(0))

    first = CliRunner().invoke(command, words, input=digits + "\n")
    assert "Accepted. 10.0 kWh were added." in first.output
    assert "The meter says USED" in CliRunner().invoke(command, words, input=digits + "\n").output
    assert CliRunner().invoke(command, words[:4]).exit_code != 0
