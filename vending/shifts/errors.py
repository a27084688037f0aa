"""What a shift refuses, in the order of a working day."""

from vending.errors import InvalidInput, NotAllowed, NotFound, VendingError


class ShiftNotFound(NotFound):
    code = "shift_not_found"


class ShiftNotOpen(VendingError):
    """Money moves only in an open shift of this cashier at this till."""

    code = "shift_not_open"


class ShiftOpenAlready(VendingError):
    """One person has one drawer, and one drawer has one person."""

    code = "shift_open_already"


class ShiftStateWrong(VendingError):
    """The step belongs to another place of the day: counted before closed, closed before banked."""

    code = "shift_state_wrong"


class NotYourShift(NotAllowed):
    code = "not_your_shift"


class WitnessUnfit(NotAllowed):
    """Cash between a drawer and the safe is counted by two, who are not the same person."""

    code = "witness_unfit"


class CountInvalid(InvalidInput):
    code = "count_invalid"


class CountLocked(VendingError):
    """A count is locked once and counted again at most once."""

    code = "count_locked"


class MoneyReasonMissing(InvalidInput):
    code = "money_reason_missing"


class OwnDifference(NotAllowed):
    """Who counted a drawer does not decide on its difference."""

    code = "own_difference"


class TillFull(VendingError):
    """The seller's money limit: the drawer holds all that it may until cash goes to the safe."""

    code = "till_full"


class SafeShort(VendingError):
    code = "safe_short"


class LimitsCrossed(InvalidInput):
    code = "cash_limits_crossed"


class SealTaken(InvalidInput):
    code = "seal_taken"


class ShiftBankedAlready(VendingError):
    code = "shift_banked_already"


class BatchNotFound(NotFound):
    code = "bank_batch_not_found"


class BankLineUnfit(InvalidInput):
    code = "bank_line_unfit"
