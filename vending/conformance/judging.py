"""What a good client does, judged from what it sent. Pure: calls in, verdicts out.

Each rule looks at the calls that belong to it. A rule of which nothing was seen is `not seen`, never passed: a client is
judged by what it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vending.sandbox.meters import RESERVED, by_outcome

PASSED, FAILED, NOT_SEEN = "passed", "failed", "not seen"
LOST = 0  # the status of an answer that broke off


@dataclass(frozen=True, slots=True)
class Seen:
    """One call: when, which operation, about which meter and order, and how it was answered."""

    at: float
    operation: str
    meter: str  # its long number; empty where the call names none
    order_id: str
    asked: str  # what was to be bought, word for word
    status: int
    code: str = ""
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    says: str
    state: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    says: str
    judge: Callable[[Sequence[Seen]], tuple[str, str]]


def judge(calls: Sequence[Seen]) -> list[Verdict]:
    return [Verdict(rule.name, rule.says, *rule.judge(calls)) for rule in RULES]


def conforms(verdicts: Sequence[Verdict]) -> bool:
    return all(verdict.state == PASSED for verdict in verdicts)


# --- what the rules share ---------------------------------------------------------------------------------------------


def _of(calls: Sequence[Seen], outcome: str) -> list[Seen]:
    pan = by_outcome(outcome).pan
    return [call for call in calls if call.meter == pan]


def _sales(calls: Sequence[Seen]) -> list[Seen]:
    return [call for call in calls if call.operation == "vend"]


def _looks_up_first(calls: Sequence[Seen]) -> tuple[str, str]:
    known: set[str] = set()
    sold = False
    for call in calls:
        if call.operation == "look_up_meter":
            known.add(call.meter)
        if call.operation == "vend":
            sold = True
            if call.meter not in known:
                return FAILED, f"Order {call.order_id} was sent without a look at its meter."
    return (PASSED, "") if sold else (NOT_SEEN, "")


def _one_id_one_order(calls: Sequence[Seen]) -> tuple[str, str]:
    said: dict[str, tuple[str, str]] = {}
    for call in _sales(calls):
        if said.setdefault(call.order_id, (call.meter, call.asked)) != (call.meter, call.asked):
            return FAILED, f"Order id {call.order_id} was used for two different orders."
    return (PASSED, "") if said else (NOT_SEEN, "")


def _well_formed(calls: Sequence[Seen]) -> tuple[str, str]:
    for call in calls:
        if call.status in (400, 401, 404, 405, 413, 415) and call.code not in ("order_unknown", ""):
            return FAILED, f"{call.operation or 'An unknown address'} was answered {call.status} {call.code}."
    return (PASSED, "") if calls else (NOT_SEEN, "")


def _same_id_again(outcome: str, *, first: tuple[int, ...]) -> Callable[[Sequence[Seen]], tuple[str, str]]:
    """After an answer like `first` no other order may be made for the same; the same id must lead to the end."""

    def judged(calls: Sequence[Seen]) -> tuple[str, str]:
        mine = _of(calls, outcome)
        start = next(
            (place for place, call in enumerate(mine) if call.operation == "vend" and call.status in first),
            None,
        )
        if start is None:
            return NOT_SEEN, ""
        order = mine[start]
        for call in mine[start + 1 :]:
            if call.operation == "vend" and call.order_id != order.order_id:
                return (
                    FAILED,
                    "A new order id was made while the old order was not settled: the customer pays twice.",
                )
            if call.order_id == order.order_id and call.status == 200:
                return PASSED, ""
        return FAILED, f"Order {order.order_id} was given up: nobody knows what became of it."

    return judged


def _advice_before_retry(*outcomes: str) -> Callable[[Sequence[Seen]], tuple[str, str]]:
    """After an answer that does not tell, the next word about the order is a question."""

    def judged(calls: Sequence[Seen]) -> tuple[str, str]:
        found = False
        for outcome in outcomes:
            mine = _of(calls, outcome)
            for place, call in enumerate(mine[:-1]):
                if call.operation == "vend" and call.status in (LOST, 500):
                    found = True
                    if mine[place + 1].operation == "vend":
                        return (
                            FAILED,
                            f"Order {call.order_id} was sent again without asking what became of it.",
                        )
        return (PASSED, "") if found else (NOT_SEEN, "")

    return judged


def _waits(outcome: str) -> Callable[[Sequence[Seen]], tuple[str, str]]:
    """Retry-After is kept, to a tenth of a second."""

    def judged(calls: Sequence[Seen]) -> tuple[str, str]:
        mine = [call for call in _of(calls, outcome) if call.operation == "vend"]
        told = next((place for place, call in enumerate(mine) if call.wait_s), None)
        if told is None or told + 1 == len(mine):
            return NOT_SEEN, ""
        waited = mine[told + 1].at - mine[told].at
        if waited < mine[told].wait_s - 0.1:
            return FAILED, f"It was asked to wait {mine[told].wait_s} s and came back after {waited:.1f} s."
        return PASSED, ""

    return judged


def _asks_until_decided(calls: Sequence[Seen]) -> tuple[str, str]:
    mine = _of(calls, "undecided")
    start = next(
        (place for place, call in enumerate(mine) if call.operation == "vend" and call.status == 202), None
    )
    if start is None:
        return NOT_SEEN, ""
    looks = [call for call in mine[start + 1 :] if call.operation == "advise_vend"]
    if any(call.operation == "vend" and call.order_id != mine[start].order_id for call in mine[start + 1 :]):
        return FAILED, "Another order was made while this one was undecided."
    return (PASSED, "") if len(looks) >= 2 else (FAILED, "It was not asked about until it was decided.")


def _takes_no(outcome: str) -> Callable[[Sequence[Seen]], tuple[str, str]]:
    """A refusal is an answer: the same order is not pushed."""

    def judged(calls: Sequence[Seen]) -> tuple[str, str]:
        refused = [call for call in _sales(_of(calls, outcome)) if call.status == 409]
        if not refused:
            return NOT_SEEN, ""
        ids = [call.order_id for call in refused]
        if len(set(ids)) < len(ids):
            return FAILED, f"Order {ids[0]} was sent again though the answer was final."
        return PASSED, ""

    return judged


def _asks_before_money(calls: Sequence[Seen]) -> tuple[str, str]:
    """A look-up that says `for_sale: false` is the end: no order follows."""
    looked = sold = False
    for call in _of(calls, "blocked"):
        looked = looked or call.operation == "look_up_meter"
        sold = sold or call.operation == "vend"
    if not looked:
        return NOT_SEEN, ""
    return (
        (FAILED, "An order was sent for a meter whose look-up said that it is blocked.")
        if sold
        else (PASSED, "")
    )


def _confirms(calls: Sequence[Seen]) -> tuple[str, str]:
    issued = {
        call.order_id for call in calls if call.status == 200 and call.operation in ("vend", "advise_vend")
    }
    confirmed = {call.order_id for call in calls if call.operation == "confirm_vend" and call.status == 200}
    if not issued:
        return NOT_SEEN, ""
    missing = issued - confirmed
    if missing:
        return FAILED, f"{len(missing)} issued orders were not confirmed, among them {min(missing)}."
    return PASSED, ""


def _prints_again(calls: Sequence[Seen]) -> tuple[str, str]:
    copies = [call for call in calls if call.operation == "reprint_vend" and call.status == 200]
    return (PASSED, "") if copies else (NOT_SEEN, "")


def _waits_for_slow(calls: Sequence[Seen]) -> tuple[str, str]:
    sales = _sales(_of(calls, "slow"))
    if not sales:
        return NOT_SEEN, ""
    if len({call.order_id for call in sales}) > 1:
        return FAILED, "A new order id was made because the answer took long: the customer pays twice."
    return PASSED, ""


RULES: tuple[Rule, ...] = (
    Rule("look-up", "Looks a meter up before it sells to it.", _looks_up_first),
    Rule("well-formed", "Sends nothing that does not fit the document.", _well_formed),
    Rule("one-id", "Uses an order id for one order only.", _one_id_one_order),
    Rule("blocked", "Sends no order where the look-up says that nothing can be sold.", _asks_before_money),
    Rule("slow", "Waits for a slow answer, or asks, without a second order.", _waits_for_slow),
    Rule("lost-after", "An answer lost after the issue leads to the same order's token.", _same_id_again("lost-after", first=(LOST,))),
    Rule("lost-before", "A request that never arrived is sent again with the same id.", _same_id_again("lost-before", first=(LOST,))),
    Rule("fault", "A 500 is unknown, not failed: the same id leads to the token.", _same_id_again("fault", first=(500,))),
    Rule("advice", "Asks what became of an order before it sends it again.", _advice_before_retry("lost-after", "lost-before", "fault")),
    Rule("undecided", "Asks about a 202 until it is decided.", _asks_until_decided),
    Rule("refused", "Takes an order that was not sold for final.", _takes_no("refused")),
    Rule("limit", "Takes the seller's limit for final.", _takes_no("limit")),
    Rule("away", "Tries again with the same id when the module was away.", _same_id_again("away", first=(503,))),
    Rule("away-wait", "Waits as long as a 503 says.", _waits("away")),
    Rule("pace", "Tries again with the same id after a 429.", _same_id_again("too-fast", first=(429,))),
    Rule("pace-wait", "Waits as long as a 429 says.", _waits("too-fast")),
    Rule("confirm", "Confirms every order whose tokens the customer has.", _confirms),
    Rule("reprint", "Prints again by asking for a copy.", _prints_again),
)  # fmt: skip

TASKS: tuple[str, ...] = (
    *(
        f"Look up meter {meter.number} and, if it may be sold to, sell 50.00 to it. {meter.says}"
        for meter in RESERVED
    ),
    "Confirm each order whose tokens the customer has.",
    "Print the receipt of the first order again.",
)
