"""What the registers of a prepayment meter mean on the serial line: values of the port <-> data sets.

Reading and writing stand side by side for each register. Addresses are data (`[registers]` of a line profile), because
no standard gives short codes to credit, last tokens or token entry. Numbers are exact: a text that does not turn into
a whole number of Wh, W or litres is refused, never rounded. Two exchanged digits pass the line's check character, so
what is read is also held against itself here: ranges, and one value for one address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from meter.datasets import DataSet, Value, data_set
from meter.driver import (
    Account,
    LastToken,
    MeterInfo,
    MeterKeys,
    Quantity,
    Reading,
    Register,
    Relay,
    RelayState,
)
from meter.errors import MeterAnswerWrong
from meter.obis import full, same_register

RELAY_STATES = (RelayState.OPEN, RelayState.CLOSED, RelayState.READY)
"""In the numbers of a disconnect control object: 0 disconnected, 1 connected, 2 ready for reconnection."""
RELAY_REASONS = ("", "credit", "remote", "overload", "tamper")
RELAY_MODE = "4"
TAMPER_BITS = ("cover", "terminal cover", "tilt", "magnet", "switch", "metrology", "communication")
"""Bit 0 upwards, in the order of the counters 96.20.0, .5, .10 …; bit 15 is anything else."""

_SCALE = {
    "kWh": (3, "Wh"),
    "Wh": (0, "Wh"),
    "kW": (3, "W"),
    "W": (0, "W"),
    "m3": (3, "l"),
    "l": (0, "l"),
    "m3h": (3, "l/h"),
}
_LARGEST = 10**15
_PLAIN = frozenset("0123456789.,-+")


def wrong(what: str) -> MeterAnswerWrong:
    return MeterAnswerWrong(
        f"The meter's {what} does not read, though the frame passed its check. Nothing was taken."
    )


# One quantity.


def quantity_value(quantity: Quantity) -> Value:
    """1234560 Wh as `001234.560*kWh`."""
    for unit, (places, small) in _SCALE.items():
        if places and small == quantity.unit:
            whole, part = divmod(abs(quantity.amount), 1000)
            return Value(f"{'-' if quantity.amount < 0 else ''}{whole:06d}.{part:03d}", unit)
    return Value(str(quantity.amount), quantity.unit)


def quantity_from(value: Value, what: str) -> Quantity:
    """`001234.56*kWh` as 1234560 Wh; a decimal comma is read too."""
    text = value.text.strip()
    places, unit = _SCALE.get(value.unit, (0, value.unit))
    if not text or not set(text) <= _PLAIN:
        raise wrong(what)
    try:
        amount = Decimal(text.replace(",", ".")).scaleb(places)
    except InvalidOperation:
        raise wrong(what) from None
    if amount != amount.to_integral_value() or abs(amount) > _LARGEST:
        raise wrong(what)
    return Quantity(int(amount), unit)


# A whole readout.


def readout(
    meter: MeterInfo,
    reading: Reading,
    last: Sequence[LastToken],
    clock: datetime | None,
    result: int,
    codes: Mapping[str, str],
) -> list[DataSet]:
    """Every register that the profile has an address for, in the order a person reads them."""
    sets: list[DataSet] = []

    def add(name: str, *values: str | Value) -> None:
        if name in codes:
            sets.append(data_set(codes[name], *values))

    add("number", meter.number)
    add("serial_number", meter.number)
    add("firmware", f"{meter.maker} {meter.model} {meter.firmware}".strip()[:32])
    add("pan", meter.pan)
    add("service", meter.service[:32])
    if clock is not None:
        add("time", f"{clock.astimezone(UTC):%H%M%S}")
        add("date", f"{clock.astimezone(UTC):%y%m%d}")
    sets += [data_set(_short(each.obis), quantity_value(each.quantity)) for each in reading.registers]
    add("result", f"{result:02d}")
    if reading.credit is not None:
        add("credit", quantity_value(reading.credit))
    for account in reading.accounts:
        add("account", account.name[:32], quantity_value(account.credit))
    if "last_token" in codes:
        sets += [last_token_set(f"{codes['last_token']}.{at}", each) for at, each in enumerate(last[:5], 1)]
    if "relay" in codes:
        sets.append(relay_set(codes["relay"], reading.relay))
    if "keys" in codes and meter.keys is not None:
        sets.append(keys_set(codes["keys"], meter.keys))
    add("tamper", f"{tamper_mask(reading.tamper):04X}")
    if reading.power_limit is not None:
        add("power_limit", quantity_value(reading.power_limit))
    return sets


def reading_from(sets: Sequence[DataSet], codes: Mapping[str, str], at: datetime) -> Reading:
    """The reading in a list of registers. Times of the meter count; `at` is for a meter without a clock."""
    own = {full(code) for name, code in codes.items() if name != "last_token"}
    prefix = full(f"{codes.get('last_token', '')}.1").rsplit(".", 1)[0]
    registers: dict[str, Register] = {}
    warnings: list[str] = []
    for one in sets:
        code = full(one.address)
        if code in own or code.startswith(f"{prefix}.") or not one.values or not _is_total(one):
            continue
        register = Register(code, quantity_from(one.values[0], f"register {one.address}"))
        if code in registers and registers[code] != register:
            warnings.append(f"The meter sent {one.address} twice with different values; the first was kept.")
        registers.setdefault(code, register)
    credit = find(sets, codes.get("credit"))
    limit = find(sets, codes.get("power_limit"))
    return Reading(
        at=clock_from(sets, codes) or at,
        credit=None if credit is None else quantity_from(credit.values[0], "credit"),
        relay=relay_from(one_set(sets, codes.get("relay"), "relay")),
        registers=tuple(registers.values()),
        tamper=tamper_from(find(sets, codes.get("tamper"))),
        power_limit=None if limit is None else quantity_from(limit.values[0], "power limit"),
        accounts=tuple(
            Account(each.first, quantity_from(each.values[1], "credit"))
            for each in sets
            if "account" in codes and same_register(each.address, codes["account"]) and len(each.values) == 2
        ),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _is_total(one: DataSet) -> bool:
    """A register of energy, water or power: it carries one of their units. Texts and other figures are not ours."""
    return one.values[0].unit in _SCALE and "*" not in full(one.address)


def _short(obis: str) -> str:
    """The usual short form for electricity; other media keep their group."""
    return obis.removeprefix("1-0:")


def find(sets: Sequence[DataSet], code: str | None) -> DataSet | None:
    """The first data set with this address that holds a value."""
    if code is None:
        return None
    return next((each for each in sets if each.values and same_register(each.address, code)), None)


def one_set(sets: Sequence[DataSet], code: str | None, what: str) -> DataSet:
    found = find(sets, code)
    if found is None:
        raise wrong(what)
    return found


# Who it is.


def info_from(sets: Sequence[DataSet], codes: Mapping[str, str], identification: str) -> MeterInfo:
    pan = find(sets, codes.get("pan"))
    number = find(sets, codes.get("number"))
    firmware = find(sets, codes.get("firmware"))
    service = find(sets, codes.get("service"))
    keys = find(sets, codes.get("keys"))
    return MeterInfo(
        number=number.first if number else "",
        pan=pan.first if pan else "",
        maker=identification[:3],
        model=identification[3:],
        firmware=firmware.first if firmware else "",
        service=service.first if service and service.first else "electricity",
        keys=None if keys is None else keys_from(keys),
    )


def keys_set(code: str, keys: MeterKeys) -> DataSet:
    return data_set(
        code, keys.sgc, str(keys.krn), str(keys.key_type), f"{keys.ti:02d}", str(keys.ken), f"{keys.ea:02d}"
    )


def keys_from(one: DataSet) -> MeterKeys:
    texts = [each.text for each in one.values]
    if len(texts) != 6 or not all(each.isascii() and each.isdigit() for each in texts):
        raise wrong("key register")
    return MeterKeys(texts[0], *(int(each) for each in texts[1:]))


# Relay.


def relay_set(code: str, relay: Relay) -> DataSet:
    reason = str(RELAY_REASONS.index(relay.reason)) if relay.reason in RELAY_REASONS else relay.reason[:32]
    return data_set(code, str(RELAY_STATES.index(relay.state)), RELAY_MODE, reason)


def relay_from(one: DataSet) -> Relay:
    state, reason = one.first, one.values[2].text if len(one.values) > 2 else "0"
    if state not in ("0", "1", "2"):
        raise wrong("relay state")
    if reason.isascii() and reason.isdigit() and len(reason) <= 3:
        number = int(reason)
        reason = RELAY_REASONS[number] if number < len(RELAY_REASONS) else f"reason {number}"
    return Relay(RELAY_STATES[int(state)], reason)


# Last tokens.


def last_token_set(code: str, one: LastToken) -> DataSet:
    at = "" if one.at is None else f"{one.at.astimezone(UTC):%y%m%d%H%M}"
    # Not the stars that people see: an asterisk parts value and unit and may stand in a value once at most.
    return data_set(code, f"xxxx{one.tail}", f"{one.status:02d}", at)


def last_token_from(one: DataSet) -> LastToken | None:
    """None for a place of the memory that is still empty."""
    if len(one.values) < 2 or not one.first:
        return None
    if not (one.first[-4:].isascii() and one.first[-4:].isdigit()):
        raise wrong("last token")
    status = one.values[1].text
    at = one.values[2].text if len(one.values) > 2 else ""
    return LastToken(one.first[-4:], number_from(status, "last token"), _minute(at) if at else None)


def last_tokens_from(sets: Sequence[DataSet], codes: Mapping[str, str]) -> tuple[LastToken, ...]:
    found: list[LastToken] = []
    for index in range(1, 6):
        one = find(sets, f"{codes['last_token']}.{index}")
        token = last_token_from(one) if one else None
        if token is not None:
            found.append(token)
    return tuple(found)


def number_from(text: str, what: str) -> int:
    """A result number, 0 to 255."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise wrong(what)
    return int(text)


# Tamper flags.


def tamper_mask(tamper: Sequence[str]) -> int:
    mask = 0
    for each in tamper:
        mask |= 1 << (TAMPER_BITS.index(each) if each in TAMPER_BITS else 15)
    return mask


def tamper_from(one: DataSet | None) -> tuple[str, ...]:
    if one is None:
        return ()
    try:
        mask = int(one.first, 16) if one.first.isalnum() and len(one.first) <= 8 else -1
    except ValueError:
        mask = -1
    if mask < 0:
        raise wrong("tamper register")
    named = tuple(name for bit, name in enumerate(TAMPER_BITS) if mask >> bit & 1)
    return (*named, "other") if mask >> len(TAMPER_BITS) else named


# Clock, in UTC.


def clock_from(sets: Sequence[DataSet], codes: Mapping[str, str]) -> datetime | None:
    time, date = find(sets, codes.get("time")), find(sets, codes.get("date"))
    if time is None or date is None:
        return None
    return _moment(f"{date.first}{time.first}".replace(":", "").replace("-", ""), "%y%m%d%H%M%S")


def _minute(text: str) -> datetime:
    return _moment(text, "%y%m%d%H%M")


def _moment(text: str, form: str) -> datetime:
    # Two digits to a field, so that two equal characters that were lost, which no XOR sees, are seen here.
    if not (text.isascii() and text.isdigit()) or len(text) != 2 * form.count("%"):
        raise wrong("time")
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise wrong("time") from None
