"""The error tree of the meter package: what stops a caller, one leaf per cause.

What a meter *says* about a token is an outcome, a value, and never raised. A leaf carries a stable `code` and one
sentence that says what is wrong and what to do next; none carries a token, a password or a key.
"""

from __future__ import annotations


class MeterError(Exception):
    """The root. Caught at the edges only: the command line's `main`, the server's worker."""

    code = "meter_error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


# The caller asked for something that cannot be.


class DriverUnknown(MeterError):
    code = "driver_unknown"

    def __init__(self, scheme: str, known: list[str]) -> None:
        super().__init__(f"No driver for “{scheme}:”. Use one of: {', '.join(known)}.")


class DriverUrlWrong(MeterError):
    code = "driver_url_wrong"


class AbilityMissing(MeterError):
    code = "ability_missing"

    def __init__(self, ability: str) -> None:
        super().__init__(f"This meter does not offer “{ability}”. Do it at the meter, or use another driver.")


class TokenDigitsWrong(MeterError):
    code = "token_digits_wrong"

    def __init__(self, length: int) -> None:
        super().__init__(
            f"A token has twenty digits 0 to 9; this has {length} characters. Type it again from the slip."
        )


# The far side or the wire.


class MeterUnreachable(MeterError):
    """Nothing answered, and nothing was changed."""

    code = "meter_unreachable"


class MeterHungUp(MeterUnreachable):
    """The other end went away after it was reached: what was asked may have been done."""

    code = "meter_hung_up"


class MeterTimedOut(MeterError):
    """The call used up its time. A write may or may not have arrived: `OutcomeUnknown` says so where it matters."""

    code = "meter_timed_out"


class OutcomeUnknown(MeterError):
    """A write was sent and its answer is lost. Never "failed": read the meter before anything is repeated."""

    code = "outcome_unknown"


class MeterAnswerWrong(MeterError):
    """An answer came and failed its check, or is not an answer to this question. Nothing was taken from it."""

    code = "meter_answer_wrong"


class MeterRefused(MeterError):
    """The meter understood and said no. `reason` is its own text, shortened."""

    code = "meter_refused"

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


class PasswordRefused(MeterRefused):
    code = "password_refused"


class WrongMeter(MeterError):
    """Another meter answered than the one that was meant. Nothing was written to it."""

    code = "wrong_meter"


class PortBusy(MeterError):
    code = "port_busy"


class PortMissing(MeterError):
    code = "port_missing"


# A serial line in particular.


class NoAnswer(MeterUnreachable):
    """Silence from this address. The meter is off, elsewhere, or set to another rate."""

    code = "no_answer"


class LineDamaged(MeterAnswerWrong):
    """Answers came and none passed its check."""

    code = "line_damaged"


class CollisionSuspected(LineDamaged):
    """Damage at the first word of an addressed meter: two meters with one address, or two masters on one line."""

    code = "collision_suspected"


class EchoDiffers(LineDamaged):
    """What came back is not what was sent: somebody else spoke at the same time."""

    code = "echo_differs"


class OptionNotTaken(MeterRefused):
    code = "option_not_taken"


class RefusedOrLine(MeterRefused):
    """Nothing but NAK: the meter refuses, or cannot understand what reaches it."""

    code = "refused_or_line"


class BrokenOff(MeterRefused):
    """The meter ended the session."""

    code = "broken_off"
