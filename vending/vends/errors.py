"""What a sale refuses, in the order in which it is checked."""

from vending.errors import InvalidInput, Unavailable, VendingError


class OrderIdInvalid(InvalidInput):
    code = "order_id_invalid"


class OrderIdReused(VendingError):
    """The same order id with other content: never a second sale under one id."""

    code = "order_id_reused"


class BasketEmpty(InvalidInput):
    code = "basket_empty"


class MeterNotForSale(VendingError):
    """The meter exists, and cannot be sold to now; the sentence says why and what changes that."""

    code = "meter_not_for_sale"


class SaleTooSmall(InvalidInput):
    code = "sale_too_small"


class ModuleNotReady(Unavailable):
    """Said before money moves: the module is locked or gone."""

    code = "module_not_ready"


class AllowanceNotDue(VendingError):
    """No free units: the tariff has none, or this month's were claimed."""

    code = "allowance_not_due"


class ChargeUnfit(InvalidInput):
    """A charge that cannot be paid like this; the sentence says what is owed or priced."""

    code = "charge_unfit"


class BudgetTooSmall(Unavailable):
    """Said before money moves: what is still open in the module's budgets does not hold this order."""

    code = "budget_too_small"


class TooManyTokens(VendingError):
    """Said before money moves: the meter's token time would run too far ahead of the clock."""

    code = "too_many_tokens"


class KeyNotUsable(VendingError):
    """Said before money moves: the meter's key is over, not in use, or not in the module."""

    code = "key_not_usable"


class DayLimitReached(VendingError):
    """Said before money moves: the meter's class may not have that much in a day, or not in so many tokens."""

    code = "day_limit_reached"


class ActUnfit(InvalidInput):
    """An act without money that cannot be asked for like this; the sentence says what to change."""

    code = "act_unfit"


class KeyWasRefunded(VendingError):
    """A token under that key was refunded for not being usable; under that key it would be again."""

    code = "key_was_refunded"


class ReversalUnfit(VendingError):
    """This order cannot be reversed, or not like this; the sentence says why and which way is open."""

    code = "reversal_unfit"


class BulkUnfit(InvalidInput):
    """A row of a list that cannot be sold as it stands."""

    code = "bulk_unfit"
