"""`keystore issue-batch`: many orders at once, beside the socket, with the same guards and the same log.

It takes an order file that `ampoule` exported (`order_files.py`). Every token debits a budget like any other.
An interrupted run is started again: orders that are in the log give the same tokens.

Answers carry sequence, salt and leaf; the signature of an entry is the same whenever it is asked for (`replay`), and the
checkpoint at the end covers them all. Credits are enciphered in arrays (`sts.batch`) and each is read back before it is
logged, like everywhere.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from keystore import entries, messages, minting, order_files, planning
from keystore.engine import Engine, Group, Staged
from keystore.entries import SALT_BYTES
from keystore.errors import KeystoreError, MessageInvalid
from keystore.module import Issued, MeterKeying, Refused, Request
from keystore.planning import Moment, Plan
from sts import amount
from sts import batch as arrays
from sts.ciphers.sta import SAMPLE, Tables

Json = dict[str, Any]

CHUNK = 4096
SNAPSHOT_EVERY = 80_000  # after a kill the tail is read again: this many take about three seconds


def read_orders(path: Path) -> tuple[int, Iterator[Request | Refused]]:
    """The number of orders and the orders; raises if the file is not whole or not an export."""
    wrong = KeystoreError(
        f"{path} is not an order file that `ampoule` exported, or it was changed. Export it again.",
        code="order-file",
    )
    digest, count = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            header = json.loads(file.readline())
            for line in file:
                digest.update(line)
                count += 1
        if header != {"format": order_files.FORMAT, "count": count, "sha256": digest.hexdigest()}:
            raise wrong
    except (OSError, ValueError):
        raise wrong from None
    return count, _orders(path)


def _orders(path: Path) -> Iterator[Request | Refused]:
    with path.open("rb") as file:
        file.readline()
        for line in file:
            try:
                yield messages.request_or_refusal(orjson.loads(line))
            except ValueError:
                raise MessageInvalid("A line of the order file is not JSON.") from None


def issue(
    engine: Engine,
    orders: Iterator[Request | Refused],
    out: BinaryIO,
    progress: Callable[[int], None],
    tables: Tables = SAMPLE,
) -> tuple[int, int]:
    """Issue all orders, in groups; how many were issued (or known) and how many refused."""
    engine.log.snapshot_every = SNAPSHOT_EVERY
    gc.disable()  # nothing here makes cycles, and looking for them in a growing state costs a tenth of the time
    try:
        return _issue(engine, orders, out, progress, tables)
    finally:
        gc.enable()


def _issue(
    engine: Engine,
    orders: Iterator[Request | Refused],
    out: BinaryIO,
    progress: Callable[[int], None],
    tables: Tables,
) -> tuple[int, int]:
    issued = refused = 0
    while chunk := list(islice(orders, CHUNK)):
        for answer in _group(engine, chunk, tables):
            if isinstance(answer, Refused):
                refused += 1
                out.write(_line(order_id=answer.order_id, code=answer.code, sentence=answer.sentence))
            else:
                issued += 1
                out.write(answer)
        engine.keep_house()
        progress(len(chunk))
    out.flush()
    os.fsync(out.fileno())
    engine.log.write_checkpoint()
    return issued, refused


def _group(engine: Engine, chunk: list[Request | Refused], tables: Tables) -> list[bytes | Refused]:
    """One group: plan in order, encipher in arrays, log with one sync, then answer."""
    engine.require_ready()
    engine.require_room(chunk)
    group = Group()
    seen: set[str] = set()
    found: list[Plan | Refused | Issued] = []
    for request in chunk:
        found.append(_plan(engine, request, seen))
    plans = [f for f in found if isinstance(f, Plan)]
    tokens = mint_many(engine, plans, tables)
    for plan, digits in zip(plans, tokens, strict=True):
        salt = os.urandom(SALT_BYTES)
        plan.private["salt"] = salt.hex()
        request_ = plan.private["request"]
        plan.public |= entries.commitments(salt, request_["meter"]["pan"], digits, request_["content_hash"])
        group.staged.append(Staged(plan.public, plan.private))
    engine.commit(group)
    placed = iter(zip(group.staged, tokens, strict=True))
    answers: list[bytes | Refused] = []
    for item in found:
        if isinstance(item, Plan):
            staged, digits = next(placed)
            assert staged.placed is not None
            answers.append(
                _line(
                    order_id=item.order_id,
                    tokens=digits,
                    tid=staged.public.get("tid"),
                    sequence=staged.placed.sequence,
                    leaf=staged.placed.leaf,
                    salt=staged.private["salt"],
                )
            )
        elif isinstance(item, Issued):
            answers.append(
                _line(
                    order_id=item.order_id,
                    tokens=item.tokens,
                    tid=item.tid,
                    sequence=item.sequence,
                    leaf=item.leaf,
                    salt=item.salt,
                )
            )
        else:
            answers.append(item)
    return answers


def _line(**content: Any) -> bytes:
    return orjson.dumps(content) + b"\n"


def _plan(engine: Engine, request: Request | Refused, seen: set[str]) -> Plan | Refused | Issued:
    if isinstance(request, Refused):
        return request
    if request.order_id in seen:
        return Refused(request.order_id, "order-twice", "This order id stands twice in the file.")
    seen.add(request.order_id)
    if engine.log.knows(request.order_id):
        return engine.again(request)
    moment = Moment(engine.clock.now(), engine.identity.offsets)
    plan = planning.plan(request, engine.log.state, engine.ring, moment)
    if isinstance(plan, Plan):
        if "tid" in plan.public:
            plan.private["rnd"] = os.urandom(1)[0] & 15
        engine.apply(plan.public, plan.private)
    return plan


def mint_many(engine: Engine, plans: list[Plan], tables: Tables) -> list[tuple[str, ...]]:
    """The digits of many plans: credits of one key in arrays, everything else one by one."""
    found: dict[int, tuple[str, ...]] = {}
    together: dict[tuple[str, str], list[int]] = {}
    for place, plan in enumerate(plans):
        if plan.public["kind"] == "credit":
            together.setdefault((plan.private["record"], plan.private["request"]["meter"]["ea"]), []).append(
                place
            )
        else:
            found[place] = minting.mint(plan.public, plan.private, engine.ring, engine.ciphers)
    for (record_id, ea), places in together.items():
        for place, digits in zip(
            places, _credits(engine, record_id, ea, [plans[p] for p in places], tables), strict=True
        ):
            found[place] = (digits,)
    return [found[place] for place in range(len(plans))]


def _credits(engine: Engine, record_id: str, ea: str, plans: list[Plan], tables: Tables) -> list[str]:
    ring = engine.ring
    made: dict[str, bytes] = {}
    keys = []
    for plan in plans:
        meter = plan.private["request"]["meter"]
        name = f"{meter['pan']}{meter['ti']}"
        value = made.get(name)
        if value is None:
            value = made[name] = ring.decoder_key(record_id, MeterKeying(**meter)).value
        keys.append(value)
    key_rows = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
    subclass = np.array([p.public["sub"] for p in plans], dtype=np.uint64)
    rnd = np.array([p.private["rnd"] for p in plans], dtype=np.uint64)
    tid = np.array([p.public["tid"] for p in plans], dtype=np.uint64)
    units = np.array([p.public["units"] for p in plans], dtype=np.uint64)
    digits = arrays.credits(key_rows, ea=ea, subclass=subclass, rnd=rnd, tid=tid, units=units, tables=tables)
    said = arrays.read(digits, key_rows, ea=ea, tables=tables)
    fields = np.array([amount.encode(p.public["units"]) for p in plans], dtype=np.uint64)
    wanted = rnd << np.uint64(40) | tid << np.uint64(16) | fields
    holds = said.crc_holds & (said.token_class == 0) & (said.subclass == subclass) & (said.data == wanted)
    assert bool(holds.all()), "a token does not decode to what was asked for"
    return arrays.as_text(digits)
