"""What the ledger refuses: one class per broken rule, each with a stable code."""

from vending.errors import InvalidInput, NotFound, VendingError


class EntryInvalid(InvalidInput):
    """The root of entries that cannot be built."""

    code = "entry_invalid"


class EntryUnbalanced(EntryInvalid):
    code = "entry_unbalanced"


class EntryEmpty(EntryInvalid):
    code = "entry_empty"


class LegInvalid(EntryInvalid):
    code = "leg_invalid"


class AccountUnknown(EntryInvalid):
    """The path stands nowhere in the chart."""

    code = "account_unknown"


class UnitUnknown(EntryInvalid):
    code = "unit_unknown"


class EntryNotFound(NotFound):
    code = "entry_not_found"


class HoldNotFound(NotFound):
    code = "hold_not_found"


class FloorReached(VendingError):
    """The account would pass its floor. Nothing was posted."""

    code = "floor_reached"

    def __init__(self, sentence: str, path: str, unit: str, available: int) -> None:
        super().__init__(sentence)
        self.path = path
        self.unit = unit
        self.available = available


class CeilingReached(FloorReached):
    """The account would pass its ceiling, such as the money limit of a till. Nothing was posted."""

    code = "ceiling_reached"


class SourcePostedDifferently(VendingError):
    """The same source was posted before with other legs: the caller mixes up two acts."""

    code = "source_posted_differently"


class AlreadyReversed(VendingError):
    code = "entry_already_reversed"


class HoldEnded(VendingError):
    """The hold was ended before, and otherwise than now asked for."""

    code = "hold_ended"


class PeriodClosed(VendingError):
    code = "period_closed"


class PeriodNotOver(VendingError):
    code = "period_not_over"


class BoundsCrossed(InvalidInput):
    """The floor lies above the ceiling."""

    code = "bounds_crossed"
