"""What the words of the trade mean, in one or two sentences each, in the page's language: one place for every hint.

A hint is a small button beside the word that opens its sentence (a popover, which needs no JavaScript); the page of words has
them all. The documents' glossary (`docs/glossary.md`) is the long one, for builders.
"""

from __future__ import annotations

from flask import g
from markupsafe import Markup

from vending.web.words import _


def terms() -> dict[str, tuple[str, str]]:
    """key -> (the word, what it means)."""
    return {
        "token": (
            _("Token"),
            _("Twenty digits that are typed at a meter. Each is made for one meter and works there once."),
        ),
        "meter-number": (
            _("Meter number (DRN)"),
            _("Eleven or thirteen digits on the meter; the last one checks the others, so a slip of the finger shows at once."),
        ),
        "pan": (_("PAN"), _("The meter's number with the maker's prefix and a check digit: eighteen digits, as on a card or a barcode.")),
        "sgc": (
            _("Supply group (SGC)"),
            _("Six digits for all meters that share one vending key, usually those of one owner or one building."),
        ),
        "krn": (
            _("Key revision (KRN)"),
            _("Which of a supply group's keys a meter is on, 1 to 9. A token made for another revision is rejected."),
        ),
        "key-type": (
            _("Kind of key"),
            _("Default keys come from the factory and take no credit; a unique key is the meter's own and the normal one; a common key is shared by a group."),
        ),
        "ti": (
            _("Tariff index (TI)"),
            _("Two digits inside the key. It is not the price: changing it is a key change, with tokens to type."),
        ),
        "ken": (
            _("Key expiry number (KEN)"),
            _("Until when a meter's key takes tokens, counted from its base date. 255 is as long as the base date lasts."),
        ),
        "base-date": (
            _("Base date"),
            _("The day from which a meter counts the minutes of its tokens: 1993, 2014 or 2035. The one of 1993 ended in November 2024."),
        ),
        "algorithm": (
            _("EA and DKGA"),
            _("How a token is enciphered (07 or 11) and how a meter's key is derived (02 or 04). Both stand on the meter's label."),
        ),
        "tct": (_("Token carrier (TCT)"), _("How a token reaches the meter: 02 by keypad, 01 by card, 07 over a line.")),
        "ratio": (
            _("Transformer ratio"),
            _("Large supplies are measured through transformers. With 200/5 the meter sees a fortieth of the current, so a wrong ratio sells forty times too much or too little."),
        ),
        "check-value": (
            _("Check value"),
            _("Six digits that are computed from a key and give nothing of it away: two people compare them to know that they hold the same key."),
        ),
        "budget": (
            _("Budget"),
            _("How much the security module may still issue. Two people open it and top it up; without one there is no token."),
        ),
        "head": (
            _("Head"),
            _("The fingerprint of a log's last entry, over all before it. Whoever wrote it down notices any later change."),
        ),
        "key-change": (
            _("Key change"),
            _("Two or four tokens that move a meter to another key. They are typed before the new credit, in the printed order."),
        ),
        "units-left": (
            _("Days of credit"),
            _("Judged from purchases, because a meter on a keypad does not answer. Nothing is cut by it."),
        ),
        "free-units": (
            _("Free units"),
            _("Units that are given each month without money. They come on a token of their own and count once a month."),
        ),
        "debt": (
            _("Arrears"),
            _("What the customer owes from before. A part of each purchase pays it off, as his plan says; he may also pay more of it here, without a token."),
        ),
        "kept": (
            _("Kept for next time"),
            _("Money of the customer that no token came for: a remainder, a sale that was taken back. It pays his next purchase first, or is given back."),
        ),
        "tid": (
            _("Token identifier (TID)"),
            _("The minute that a token was made for. A meter takes each minute once and none that is older than its memory: that is why an old or used token is rejected."),
        ),
        "class-limit": (
            _("Limit of a meter's class"),
            _("How many units and tokens one meter may have in a day. The security module keeps it, so that a stolen till cannot empty the budget; two approvers change it."),
        ),
        "deposit": (_("Deposit"), _("Money of the tenant that is kept until he moves out. It pays what he owes then; the rest is his.")),
        "float": (_("Float"), _("The cash that a drawer begins with, for change. It goes back into the safe and is no takings.")),
        "blind": (
            _("Blind count"),
            _("The drawer is counted before its expected sum is shown, so that nobody counts towards a number."),
        ),
        "suspense": (
            _("Unclaimed money"),
            _("Money that came in and that nobody could be named for yet. It waits under its own account until somebody claims it."),
        ),
    }  # fmt: skip


def hint(key: str) -> Markup:
    """The button and its sentence, for templates and for labels that take markup."""
    word, meaning = terms()[key]
    number = g.get("hints", 0) + 1
    g.hints = number
    return Markup(
        '<button type="button" class="what" popovertarget="what-{n}" aria-label="{asks}">?</button>'
        '<span class="meaning" id="what-{n}" popover><b>{word}</b> {meaning}</span>'
    ).format(n=number, asks=_("What is this: %(word)s", word=word), word=word, meaning=meaning)


def labelled(label: str, key: str) -> Markup:
    """A label with its hint."""
    return Markup("{} {}").format(label, hint(key))
