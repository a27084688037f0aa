"""The keypad: keys pressed, display shown. What a person sees of a meter, whatever draws it.

A browser page, a full terminal screen and a plain line all use this. It gathers digits, tells a token from a short code and
from pairing, clears what was left half typed, and turns the twin's answer into a display and a sentence. It keeps no state
of the meter, and it never shows or logs a whole token: typed digits live in `typed` until Enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from meter import readings
from meter.local_driver import Hosted
from meter.outcome import Outcome, Result, Shown
from meter.state import Cause
from meter.twin import Twin
from meter.wording import Words

DIGITS = 20
LONGEST_CODE = 4
PAIRING_LENGTHS = (11, 13)

# The status words of the glass, in their order.
STATUS_WORDS = ("ACCEPT", "REJECT", "USED", "OLD", "LOCKED", "SUPPLY")


class Kind(StrEnum):
    """What the last Enter was."""

    IDLE = "idle"
    TOKEN = "token"  # noqa: S105  (a kind of entry, not a secret)
    PAGES = "pages"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the meter made of one Enter. `sentence` names the word list's key and its fields, so any language can say it."""

    kind: Kind
    result: Result | None = None
    pages: tuple[Shown, ...] = ()
    sentence: tuple[str, str] = ("outcome", "NONE")
    fields: tuple[tuple[str, str], ...] = ()


IDLE = Answer(Kind.IDLE)


@dataclass(frozen=True, slots=True)
class Display:
    """The glass: lit words, a figure in seven segments with its unit, and the small line under it."""

    lit: frozenset[str]
    figure: str
    unit: str
    lower: str
    typed: str
    dark: bool = False


class Keypad:
    """One keypad on one hosted twin."""

    __slots__ = ("_answered", "_hosted", "_patience", "_touched", "answer", "typed")

    def __init__(self, hosted: Hosted, patience: int = 1) -> None:
        # Where time runs faster than the person who types, patience is that many times longer.
        self._hosted = hosted
        self._patience = patience
        self._touched = 0
        self._answered = 0
        self.typed = ""
        self.answer = IDLE

    @property
    def _twin(self) -> Twin:
        return self._hosted.twin

    # ---- keys

    def press(self, key: str) -> None:
        """One key: a digit, `delete` or `enter`."""
        self.forget_stale()
        self._touched = self._twin.state.now
        if not self.alive:
            return
        if key == "enter":
            self.enter(self.typed)
        elif key == "delete":
            self.typed = self.typed[:-1]
        elif key.isascii() and key.isdigit() and len(key) == 1 and len(self.typed) < DIGITS:
            self.typed += key

    def forget_stale(self) -> None:
        """Digits that nobody finished are cleared after the model's time."""
        limit = self._twin.profile.key_timeout_s
        if self.typed and self._twin.state.now - self._touched > limit * self._patience:
            self.typed = ""
            self.answer = self._done("timeout", seconds=str(limit))

    def enter(self, text: str) -> Answer:
        """A whole line at once, typed or pasted, with or without spaces and hyphens."""
        self.typed = ""
        self.answer = self._judge("".join(text.split()).replace("-", ""))
        self._answered = self._twin.state.now
        return self.answer

    def _fresh(self) -> Answer:
        """The answer while the glass still shows it; afterwards it goes back to credit."""
        limit = self._twin.profile.key_timeout_s * self._patience
        return self.answer if self._twin.state.now - self._answered <= limit else IDLE

    @property
    def alive(self) -> bool:
        """Whether the display lights up: a split keypad runs on its own battery while the meter has no power."""
        state = self._twin.state
        return state.powered or (self._twin.profile.keypad == "split" and state.battery_ok)

    def _judge(self, text: str) -> Answer:
        twin = self._twin
        if not twin.state.powered:
            return self._refused("dark")
        code = twin.profile.pairing_code
        if code and text.startswith(code) and len(text) - len(code) in PAIRING_LENGTHS:
            self._hosted.act(lambda each: each.pair(text[len(code) :]))
            if twin.state.paired:
                return self._done("paired", drn=twin.drn)
            return self._refused("not_paired")
        if not twin.state.paired:
            return self._refused("unpaired", code=code)
        if 0 < len(text) <= LONGEST_CODE and text.isascii() and text.isdigit():
            return self._short_code(text)
        if not text:
            return Answer(Kind.PAGES, pages=tuple(twin.show("credit")))
        result = self._hosted.enter(text)
        return Answer(Kind.TOKEN, result, result.pages, ("outcome", result.outcome.name))

    def _short_code(self, code: str) -> Answer:
        twin = self._twin
        name = twin.profile.short_codes.get(code)
        if name is None:
            return self._refused("code_unknown", code=code)
        if name == "reconnect":
            changed = self._hosted.act(Twin.restore)
            return self._done("restored" if changed else "nothing")
        if name == "emergency credit":
            taken = self._hosted.act(Twin.take_emergency)
            return self._done("emergency" if taken else "nothing")
        return Answer(Kind.PAGES, pages=tuple(twin.show(name)))

    @staticmethod
    def _done(key: str, **fields: str) -> Answer:
        return Answer(Kind.DONE, sentence=("done", key), fields=tuple(fields.items()))

    @staticmethod
    def _refused(key: str, **fields: str) -> Answer:
        return Answer(Kind.REFUSED, sentence=("done", key), fields=tuple(fields.items()))

    # ---- what it shows

    def display(self, page: int = 0) -> Display:
        """The glass now. `page` turns over the figures of a test token or a short code."""
        twin = self._twin
        state = twin.state
        if not self.alive:
            return Display(frozenset(), "", "", "", "", dark=True)
        lit = set(_word_for(self._fresh()))
        if state.supply:
            lit.add("SUPPLY")
        if twin.lock_wait_s:
            lit.add("LOCKED")
        figure, unit, lower = self._figure(page)
        return Display(frozenset(lit), figure, unit, lower, self.typed)

    def _figure(self, page: int) -> tuple[str, str, str]:
        twin = self._twin
        if not twin.state.paired:
            return "UnPAIr", "", ""
        if twin.lock_wait_s:
            return str(twin.lock_wait_s), "s", twin.profile.display.get("LOCKED_OUT", "")
        answer = self._fresh()
        result = answer.result
        if answer.pages:
            shown = answer.pages[page % len(answer.pages)]
            return shown.figure, shown.unit, _short(twin, shown.label)
        credit = twin.show("credit")[0]
        if result is None:
            return credit.figure, credit.unit, ""
        if result.units or result.account:
            account = next(each for each in twin.profile.accounts if each.name == result.account)
            return credit.figure, credit.unit, "+" + readings.credit_figure(account, result.units)
        return twin.profile.display.get(result.outcome.name, result.outcome.name), "", ""


def _short(twin: Twin, label: str) -> str:
    """The code under which a figure can be asked for again, as real displays print it beside the figure."""
    return next((code for code, name in twin.profile.short_codes.items() if name == label), "")


def _word_for(answer: Answer) -> tuple[str, ...]:
    if answer.kind is Kind.REFUSED:
        return ("REJECT",)
    if answer.result is None:
        return ()
    outcome = answer.result.outcome
    if answer.result.accepted:
        return ("ACCEPT",)
    special = {Outcome.USED: "USED", Outcome.OLD: "OLD", Outcome.LOCKED_OUT: "LOCKED"}
    return ("REJECT", special[outcome]) if outcome in special else ("REJECT",)


# ---- in words


def sentence(answer: Answer, twin: Twin, words: Words) -> str:
    """What happened, in one sentence."""
    result = answer.result
    if result is None or result.outcome is not Outcome.ACCEPTED:
        return words.say(*answer.sentence, **dict(answer.fields))
    if result.what == "credit":
        account = next(each for each in twin.profile.accounts if each.name == result.account)
        return words.say(
            "done", "credit", amount=readings.credit_figure(account, result.units), unit=account.unit
        )
    key = {"key change": "key_change", "test": "test"}.get(result.what, "management")
    return words.say("done", key, krn=twin.state.krn)


def advice(answer: Answer, twin: Twin, words: Words) -> str:
    """What to do next, in one sentence; after credit, what the meter holds."""
    result = answer.result
    if not twin.state.powered:
        return ""
    if result is None:
        if answer.kind is not Kind.IDLE:
            return ""
        if not twin.state.paired:
            return words.say("done", "unpaired", code=twin.profile.pairing_code)
        return words.say("next", "NONE")
    if result.outcome is Outcome.ACCEPTED and result.what == "credit":
        credit = twin.show("credit")[0]
        return words.say("done", "holds", amount=credit.figure, unit=credit.unit)
    missing = " ".join(map(str, result.missing))
    return words.say("next", result.outcome.name, missing=missing, wait=result.wait_s, drn=twin.drn)


def supply_sentence(twin: Twin, words: Words) -> str:
    """Why supply is on or off, in one sentence."""
    state = twin.state
    if not state.powered:
        return words.say("supply", "POWER")
    code = next((code for code, name in twin.profile.short_codes.items() if name == "reconnect"), "")
    for cause in (
        Cause.TAMPER,
        Cause.REMOTE,
        Cause.OVERLOAD,
        Cause.UNBALANCE,
        Cause.CREDIT,
        Cause.READY,
        Cause.TEST,
    ):
        if state.causes & cause and cause.name:
            return words.say("supply", cause.name, code=code)
    return words.say("supply", "on")
