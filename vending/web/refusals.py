"""What a request is refused for before the house is asked, or after it answered: the edge's own rules, for programs."""

from __future__ import annotations

from collections.abc import Sequence

from vending.errors import InvalidInput, NotFound, Unavailable, VendingError


class RequestInvalid(InvalidInput):
    """The request does not fit its schema; `errors` names each field."""

    code = "request_invalid"

    def __init__(self, sentence: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(sentence)
        self.errors = errors


class RequestTooLarge(VendingError):
    code = "request_too_large"


class MediaTypeWrong(VendingError):
    code = "media_type_wrong"


class AddressUnknown(NotFound):
    code = "address_unknown"


class MethodWrong(VendingError):
    code = "method_wrong"

    def __init__(self, sentence: str, allowed: Sequence[str]) -> None:
        super().__init__(sentence)
        self.allowed = allowed


class CursorInvalid(InvalidInput):
    code = "cursor_invalid"


class IdempotencyKeyDiffers(InvalidInput):
    """The header Idempotency-Key names another id than the body."""

    code = "idempotency_key_differs"


class OrderTwice(InvalidInput):
    """Two orders of a batch carry the same id."""

    code = "order_twice"


class CurrencyWrong(InvalidInput):
    code = "currency_wrong"


class OrderUnknown(NotFound):
    """No order under this id has arrived from this key's seller. It may be sent, with this same id."""

    code = "order_unknown"

    def __init__(self) -> None:
        super().__init__(
            "No order under this id has arrived, so no money was taken for it. Send the order, with this same id."
        )


class OrderNotSold(VendingError):
    """The order was paid and then refused, before a token existed; the money is back with the seller."""

    code = "order_not_sold"

    def __init__(self, order_id: str, why: str) -> None:
        super().__init__(
            f"No token was issued: {why} The money is back with the seller. A new try is a new order, with a new id."
        )
        self.order_id = order_id


class Fault(VendingError):
    code = "fault"


class DatabaseAway(Unavailable):
    code = "database_away"


class AnswerLost(Exception):
    """The sandbox plays that the line breaks: no answer of ours, but one that ends in its middle."""
