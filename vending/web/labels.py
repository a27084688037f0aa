"""What a scanner reads from a meter's card or label, in words: the record itself, and where it differs from what is known."""

from __future__ import annotations

from sts import id_record
from sts.errors import StsError
from vending.errors import InvalidInput
from vending.estate.views import MeterView
from vending.web.words import _


def scanned(text: str) -> id_record.IdRecord | None:
    """The record of a label or card; InvalidInput with what to do when it is none."""
    if not text:
        return None
    try:
        return id_record.parse(text)
    except StsError as error:
        raise InvalidInput(
            _("This is not the record of a label: %(why)s", why=str(error)), "record"
        ) from None


def looks_like_record(text: str) -> bool:
    """Whether a search field got a card and not a name or a number: a start mark, or more digits than any number has."""
    line = "".join(text.split())
    return line.startswith(";") or (
        len(line) >= id_record.LENGTH and line[:18].isascii() and line[:18].isdigit()
    )


def differences(meter: MeterView, record: id_record.IdRecord) -> list[str]:
    """What a card or a label says otherwise than what is known here, each as a sentence (rules.md 18)."""
    keying = meter.keying
    known = id_record.IdRecord(
        meter.pan, keying.tct, keying.ea, keying.sgc, keying.ti, keying.krn, record.expires
    )
    names = {
        "pan": _("Meter number"),
        "tct": _("Token carrier"),
        "ea": _("Algorithm"),
        "sgc": _("Supply group"),
        "ti": _("Tariff index"),
        "krn": _("Key revision"),
    }
    return [
        _(
            "%(what)s: the label says %(label)s, here it is %(known)s.",
            what=names.get(name, name),
            label=getattr(record, name),
            known=getattr(known, name),
        )
        for name in id_record.differences(record, known)
    ]
