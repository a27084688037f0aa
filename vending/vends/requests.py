"""What an order asks the security module for: one request for each part, under a durable id of its own. Pure.

The first part carries the order's own id into the module's log; the others have ids made from it, so that asking again
after a crash is the same asking.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from keystore.module import CreditRequest, KeyChangeRequest, ManagementRequest, MeterKeying, Request

# The kinds of parts, in the order of entry on paper and screen (rules.md 13).
PARTS = ("key-change", "engineering", "allowance", "free-issue", "replacement", "credit")
WITHOUT_MONEY = ("allowance", "free-issue", "replacement")


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `asked` is what it says beside the meter, the slip and the approval, which are the order's."""

    part_id: str
    position: int
    kind: str
    units: int | None
    asked: dict[str, Any]


def part_id(order_id: str, position: int) -> str:
    return order_id if position == 1 else str(uuid.uuid5(uuid.UUID(order_id), f"part {position}"))


def credit_parts(
    order_id: str, wanted: list[tuple[str, int]], *, service: str, subclass: int, meter_class: str
) -> tuple[Part, ...]:
    """Credit tokens of these kinds and units, in the order of entry."""
    return tuple(
        Part(
            part_id(order_id, position),
            position,
            kind,
            units,
            {
                "service": service,
                "subclass": subclass,
                "units": units,
                "meter_class": meter_class,
                "free": kind in ("free-issue", "replacement"),
            },
        )
        for position, (kind, units) in enumerate(wanted, 1)
    )


def request_of(part: Part, keying: dict[str, Any], content_hash: str, approval: str | None) -> Request:
    """The request in the module's words: the same for the same rows, for ever."""
    meter = MeterKeying(**keying)
    asked = part.asked
    if part.kind == "key-change":
        return KeyChangeRequest(
            part.part_id, meter, MeterKeying(**asked["to"]), asked["rollover"], content_hash, approval
        )
    if part.kind == "engineering":
        return ManagementRequest(part.part_id, meter, asked["action"], asked["value"], content_hash, approval)
    return CreditRequest(
        part.part_id,
        meter,
        asked["service"],
        asked["subclass"],
        asked["units"],
        asked["meter_class"],
        content_hash,
        asked["free"],
        approval if asked["free"] else None,
    )
