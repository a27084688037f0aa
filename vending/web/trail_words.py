"""The trail of acts in the page's language: what was done, and the names of its details.

The trail itself keeps the code's own short names, the same in every language and for ever; so do its files and the proof
pack. Here they are read. A test collects every act that the code records and finds it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vending.access.acts import ACTS
from vending.web import words
from vending.web.words import _


def acts() -> dict[str, str]:
    """What the code writes into the trail by one name each."""
    return {
        "API key made": _("API key made"),
        "API key withdrawn": _("API key withdrawn"),
        "act refused by the module": _("Act refused by the security module"),
        "bank.explained": _("Difference at the bank explained"),
        "bank.matched": _("Line of the bank matched"),
        "bank.packed": _("Bag packed for the bank"),
        "books checked": _("Books checked in the night"),
        "building added": _("Building added"),
        "circuit added": _("Circuit added"),
        "circuit measured": _("Circuit measured by a meter"),
        "circuit moved": _("Circuit moved"),
        "commission settled": _("Commission settled"),
        "contact added": _("Contact added"),
        "contact removed": _("Contact removed"),
        "fee published": _("Fee published"),
        "fee retired": _("Fee taken no longer"),
        "floor added": _("Floor added"),
        "holiday removed": _("Holiday removed"),
        "holidays set": _("Holidays set"),
        "job sent again": _("Message sent again"),
        "key change taken back": _("Key change taken back"),
        "key data changed": _("Key data changed"),
        "ledger.close_period": _("Books closed"),
        "ledger.set_bounds": _("Bounds of an account set"),
        "meter added": _("Meter added"),
        "meter blocked": _("Meter blocked"),
        "meter bound": _("Meter bound to a unit"),
        "meter commissioned": _("Meter commissioned"),
        "meter hung on circuit": _("Meter hung on a circuit"),
        "meter imported": _("Meter imported"),
        "meter removed": _("Meter removed"),
        "meter swapped": _("Meter swapped"),
        "meter unblocked": _("Meter unblocked"),
        "meters imported": _("Meters imported"),
        "moved in": _("Moved in"),
        "moved out": _("Moved out"),
        "old meter found": _("Old meter found"),
        "operator added": _("Operator added"),
        "order.adopted": _("Order taken in from the log"),
        "order.found": _("Payment of an adopted order found"),
        "passkey added": _("Passkey added"),
        "passkey removed": _("Passkey removed"),
        "password set": _("Password set"),
        "person added": _("Person added"),
        "person disabled": _("Person disabled"),
        "person enabled": _("Person enabled"),
        "printer.decided": _("Unclear print decided"),
        "printer.dropped": _("Waiting print dropped"),
        "printer.ended": _("Printer's pairing ended"),
        "printer.paired": _("Printer paired with a till"),
        "proof pack made": _("Proof pack made"),
        "ratio changed": _("Transformer ratio changed"),
        "records matched": _("Log, books and receipts matched in the night"),
        "refund.made": _("Money given back"),
        "register added": _("Register added"),
        "reversal asked for": _("Reversal asked for"),
        "role given": _("Role given"),
        "role withdrawn": _("Role withdrawn"),
        "safe.filled": _("Cash brought to the safe"),
        "sale reversed": _("Sale reversed"),
        "sale.paid": _("Sale paid"),
        "sale.printed": _("Receipt printed"),
        "second factor reset": _("Second factor reset"),
        "second factor set up": _("Second factor set up"),
        "seller blocked": _("Seller blocked"),
        "seller entered": _("Seller entered"),
        "seller paid in": _("Seller paid in"),
        "seller unblocked": _("Seller unblocked"),
        "seller's terms set": _("Seller's terms set"),
        "session ended": _("Session ended"),
        "shift.closed": _("Shift closed"),
        "shift.closed_for_another": _("Forgotten shift closed"),
        "shift.counted": _("Drawer counted"),
        "shift.decided": _("Difference of a shift decided"),
        "shift.dropped": _("Cash dropped to the safe"),
        "shift.drop_refused": _("A drop of more than the books hold was refused"),
        "shift.limits_set": _("Limits of a cashier set"),
        "shift.opened": _("Shift opened"),
        "shift.sums_read": _("Expected sums of a shift read"),
        "sign-in refused": _("Sign-in refused"),
        "signed in": _("Signed in"),
        "site added": _("Site added"),
        "site changed": _("Site changed"),
        "table saved": _("Table saved as a file"),
        "tariff of lease changed": _("Tariff of a lease changed"),
        "tariff of meter changed": _("Tariff of a meter changed"),
        "tariff.draft": _("Tariff version drafted"),
        "tariff.publish": _("Tariff version published"),
        "tariff.withdraw": _("Tariff version withdrawn"),
        "tenant added": _("Tenant added"),
        "tenant changed": _("Tenant changed"),
        "tenant imported": _("Tenant imported"),
        "tenants imported": _("Tenants imported"),
        "tender.corrected": _("Way to pay corrected"),
        "till PIN set": _("PIN at the till set"),
        "token handed over": _("Token handed over"),
        "token limit changed": _("Limit of a token changed"),
        "unclaimed.attributed": _("Unclaimed money found its owner"),
        "unclaimed.received": _("Unclaimed money received"),
        "unclaimed.returned": _("Unclaimed money given back"),
        "unit added": _("Unit added"),
        "unit changed": _("Unit changed"),
        "unit imported": _("Unit imported"),
        "units imported": _("Units imported"),
        "visit file made": _("Visit file made"),
        "voucher.added": _("Voucher added"),
        "witness refused": _("Witness refused"),
        "work order cancelled": _("Work order cancelled"),
        "work order done": _("Work order done"),
        "work order failed": _("Work order failed"),
        "work order opened": _("Work order opened"),
        "work order taken": _("Work order taken"),
        "wrong guesses forgiven": _("Wrong guesses forgiven"),
        "engineering asked for": _("Engineering token asked for"),
        "replacement asked for": _("Replaced credit asked for"),
    }


def _steps() -> dict[str, str]:
    """What can become of an act for two people (`access.acts`)."""
    return {
        " asked for": _("asked for"),
        " agreed to": _("agreed to"),
        " refused": _("rejected"),
        " withdrawn": _("withdrawn"),
        " carried out": _("carried out"),
    }


def act(name: str) -> str:
    """One act of the trail in words; its own name where nothing is known of it."""
    known = acts().get(name)
    if known is not None:
        return known
    for ending, word in _steps().items():
        kind = ACTS.get(name.removesuffix(ending)) if name.endswith(ending) else None
        if kind is not None:
            return _("%(act)s: %(step)s", act=words.refusal(kind.says), step=word)
    return name


def looked_for(text: str) -> list[str]:
    """The acts in whose words the text stands: people search by what they read."""
    part = text.strip().casefold()
    if not part:
        return []
    composed = [f"{name}{ending}" for name in ACTS for ending in _steps()]
    return [name for name in (*acts(), *composed) if part in act(name).casefold()]


def subject(kind: str) -> str:
    """What kind of thing an act was done to: the part of the subject before its colon."""
    names = {
        "account": _("account"),
        "api-key": _("API key"),
        "approval": _("request"),
        "bag": _("bag"),
        "books": _("books"),
        "budget": _("budget"),
        "building": _("building"),
        "circuit": _("circuit"),
        "fee": _("fee"),
        "floor": _("floor"),
        "job": _("message"),
        "lease": _("lease"),
        "limits": _("limits"),
        "meter": _("meter"),
        "operator": _("operator"),
        "order": _("order"),
        "period": _("period"),
        "person": _("person"),
        "print": _("print"),
        "refund": _("refund"),
        "sale": _("sale"),
        "seller": _("seller"),
        "shift": _("shift"),
        "site": _("site"),
        "space": _("unit"),
        "tariff": _("tariff"),
        "tenant": _("tenant"),
        "till": _("till"),
        "unclaimed": _("unclaimed money"),
        "voucher": _("voucher"),
        "work-order": _("work order"),
    }
    return names.get(kind, kind)


def _labels() -> dict[str, str]:
    return {
        "account": _("Account"),
        "after": _("After"),
        "amount_minor": _("Amount"),
        "as": _("As"),
        "bag": _("Bag"),
        "before": _("Before"),
        "code": _("Code"),
        "copy": _("Copy"),
        "credit note": _("Credit note"),
        "ct": _("Current transformer"),
        "currency": _("Currency"),
        "day": _("Day"),
        "differences": _("Differences"),
        "drawer": _("Drawer"),
        "effect": _("Effect"),
        "evidence": _("Evidence"),
        "expected": _("Expected"),
        "factory credit": _("Factory credit"),
        "faults": _("Faults"),
        "file": _("File"),
        "float_minor": _("Float"),
        "hash": _("Hash"),
        "kind": _("Kind"),
        "label": _("Label"),
        "last_error": _("Why it failed"),
        "login": _("Sign-in name"),
        "meter": _("Meter"),
        "method": _("Way"),
        "name": _("Name"),
        "net_minor": _("Difference"),
        "number": _("Number"),
        "on": _("On"),
        "order": _("Order"),
        "orders": _("Orders"),
        "outcome": _("Outcome"),
        "power limit": _("Power limit"),
        "receipt": _("Receipt"),
        "reference": _("Reference"),
        "role": _("Role"),
        "rows": _("Rows"),
        "service": _("Service"),
        "site": _("Site"),
        "source": _("Source"),
        "table": _("Table"),
        "takings_minor": _("Takings"),
        "tenant": _("Tenant"),
        "till": _("Till"),
        "title": _("Title"),
        "total_minor": _("Sum"),
        "unit": _("Unit"),
        "units": _("Units"),
        "until": _("Until"),
        "version": _("Version"),
        "vt": _("Voltage transformer"),
        "way": _("Way to pay"),
        "witness": _("Witness"),
        "work order": _("Work order"),
    }


MOST_SHOWN = 120


def details(detail: Mapping[str, Any], currency: str) -> str:
    """The details on one line, the long ones cut: the file has them whole."""
    labels = _labels()
    parts = []
    for name, value in detail.items():
        if value in (None, "", [], {}):
            continue
        label = labels.get(name, name)
        if name.endswith("_minor") and isinstance(value, int):
            value = words.total(value, str(detail.get("currency") or currency))
        elif name == "way" and isinstance(value, str):
            value = words.of_page().listed(words.way(one) for one in value.split("+"))
        parts.append(f"{label} {value}")
    line = "; ".join(parts)
    return line if len(line) <= MOST_SHOWN else line[: MOST_SHOWN - 3] + "…"
