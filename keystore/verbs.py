"""What a seller may ask of an open module: each verb reads its body strictly and gives back an answer to come.

A mutating verb stages entries in the group and answers after its sync; a reading verb is worked out after it too, so that it
sees what the same group did. Not here: who may ask (`server.py`), what it does (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keystore import messages
from keystore.engine import Answer, Engine, Group
from keystore.errors import MessageInvalid
from keystore.module import MAX_REQUESTS

Body = dict[str, Any]


def _issue(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "requests")
    return engine.issue(
        group, messages.each(body["requests"], messages.request_or_refusal, MAX_REQUESTS, "requests")
    )


def _replay(engine: Engine, group: Group, body: Body) -> Answer:
    order_ids = _order_ids(body)
    return lambda: engine.replay(order_ids)


def _cancel(engine: Engine, group: Group, body: Body) -> Answer:
    return engine.cancel(group, _order_ids(body))


def _approve(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "act", "signatures")
    act = messages.text_in(body["act"], messages.MAX_BYTES, "act")
    return engine.approve(
        group, act, messages.each(body["signatures"], messages.signature_in, 8, "signatures")
    )


def _verify(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "meter", "token")
    meter = messages.keying_in(body["meter"])
    token = messages.text_in(body["token"], 64, "token")
    return lambda: engine.verify(meter, token)


def _state(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body)
    return engine.status


def _budget(engine: Engine, group: Group, body: Body) -> Answer:
    sgc = only(body, "sgc")
    return lambda: engine.budgets(sgc)


def _checkpoint(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body)
    return engine.checkpoint


def _proof(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "sequence")
    sequence = _number(body["sequence"])
    return lambda: engine.proof(sequence)


def _entries(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "first", "limit")
    first, limit = _number(body["first"]), _number(body["limit"])
    if not 1 <= limit <= MAX_REQUESTS:
        raise MessageInvalid(f"Ask for 1 to {MAX_REQUESTS} entries at once.")
    return lambda: engine.entries(first, limit)


def _consistency(engine: Engine, group: Group, body: Body) -> Answer:
    fields(body, "first", "second")
    first, second = _number(body["first"]), _number(body["second"])
    return lambda: engine.consistency(first, second)


def _present_head(engine: Engine, group: Group, body: Body) -> Answer:
    note = only(body, "note")

    def answer() -> Any:
        engine.present_head(note)
        return engine.status()

    return answer


VERBS: dict[str, Callable[[Engine, Group, Body], Answer]] = {
    "status": _state,
    "issue": _issue,
    "replay": _replay,
    "cancel": _cancel,
    "approve": _approve,
    "verify": _verify,
    "budget": _budget,
    "checkpoint": _checkpoint,
    "proof": _proof,
    "entries": _entries,
    "consistency": _consistency,
    "present-head": _present_head,
}


def fields(body: Body, *names: str) -> None:
    if body.keys() != set(names):
        raise MessageInvalid(f"The body has exactly these fields: {', '.join(names) or 'none'}.")


def only(body: Body, name: str) -> str:
    fields(body, name)
    return messages.text_in(body[name], 4096, name)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise MessageInvalid("A place in the log is a whole number.")
    return value


def _order_ids(body: Body) -> list[str]:
    fields(body, "order_ids")
    try:
        return messages.each(body["order_ids"], messages.order_id_in, MAX_REQUESTS, "order ids")
    except TypeError:
        raise MessageInvalid("An order id is text of at most 64 characters.") from None
