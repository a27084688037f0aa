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
