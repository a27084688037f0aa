"""What a meter of a model can show for a token, and what that means: the model's own letters with the words for them.

A door of this package: a desk that helps somebody whose token was not taken reads the profile and the word lists here
(rules.md 17), the same that the twin and the keypad read. What it is not: a reading of one meter.
"""

from __future__ import annotations

from dataclasses import dataclass

from meter.outcome import Outcome
from meter.profile import load
from meter.wording import words


@dataclass(frozen=True, slots=True)
class Displayed:
    """One result as the model writes it. `says` and `then` are whole sentences; `{...}` in them is for the caller."""

    name: str  # of `outcome.Outcome`
    shows: str
    says: str
    then: str


def displayed(profile: str, language: str) -> tuple[Displayed, ...]:
    """Every result that this model shows, in the order of the result register. ProfileUnknown for no such model."""
    said = words(language)
    shown = load(profile).display
    return tuple(
        Displayed(
            one.name,
            shown[one.name],
            said.sections["outcome"][one.name],
            said.sections["next"][one.name],
        )
        for one in Outcome
        if one.name in shown
    )
