"""Profiles: every model that ships is whole, and a wrong file is refused with its fault."""

from __future__ import annotations

import pytest

from meter import profile
from meter.outcome import Outcome
from meter.profile import ProfileUnknown, ProfileWrong
from meter.readings import READINGS

NAMES = profile.list_names()
ACTIONS = {"reconnect", "emergency credit"}
SOUND = """
title = "t"
rating = "r"
service = "electricity"
[[account]]
name = "a"
subclass = 0
unit = "kWh"
max_units = 10
[[register]]
name = "m"
account = "a"
obis = "1-0:1.8.0"
"""


def test_there_are_at_least_the_four_models_of_the_trade() -> None:
    assert {"single-phase", "three-phase-ct", "two-source", "water"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_has_a_text_for_every_outcome_and_a_figure_for_every_code(name: str) -> None:
    model = profile.load(name)
    assert set(model.display) == {each.name for each in Outcome} - {"NONE"}
    assert set(model.short_codes.values()) <= set(READINGS) | ACTIONS
    assert {"credit", "total", "key"} <= set(model.short_codes.values())
    assert "reconnect" in model.short_codes.values()
    assert set(model.obis) >= {"meter number", "total", "power", "relay"}


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ProfileUnknown, match="single-phase"):
        profile.load("../../etc/passwd")


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("is not TOML", "["),
        ("entries nobody reads", 'colour = "red"\n' + SOUND),
        ("lacks an entry", SOUND.replace('title = "t"', "")),
        ("needs an account", 'title = "t"\nrating = "r"\nservice = "e"\n'),
        ("unknown account", SOUND.replace('account = "a"', 'account = "b"')),
        ("at least 50", "tid_memory = 49\n" + SOUND),
        ("restore supply", SOUND + '[protection]\nrestore = "soon"\n'),
        ("kind of keypad", 'keypad = "none"\n' + SOUND),
        ("way to reconnect", 'remote_reconnect = "maybe"\n' + SOUND),
        ("unknown outcome", SOUND + '[lockout]\ncounts = ["TYPO"]\n'),
        ("tariff_rate_step", SOUND.replace("subclass = 0", "subclass = 4")),
    ],
)
def test_a_wrong_profile_is_refused_with_its_fault(fault: str, text: str) -> None:
    with pytest.raises(ProfileWrong, match=fault):
        profile.parse(text, "wrong")


def test_the_sound_profile_of_these_tests_is_sound() -> None:
    assert profile.parse(SOUND, "sound").tid_memory == 50
