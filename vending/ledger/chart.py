"""The chart of accounts: what kind of account a path names, and which way it grows. Pure.

An account is named by a path such as `cash/till-3` or `customer/6f0c…`; its first words decide its kind, so that an account
needs no setting up and none can be opened in the wrong place. `docs/concepts/ledger.md` shows the chart with a worked
example. A positive leg is a debit. Assets and expenses grow by debits, everything else by credits; a *balance* is given
in the direction in which the account grows, so that "the customer has 12.50" is +1250 on a liability.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from vending.errors import said
from vending.ledger.errors import AccountUnknown, UnitUnknown


@dataclass(frozen=True, slots=True)
class Root:
    """One place in the chart. `depth`: how many words a path has. `floor`: the least balance it opens with, or None."""

    name: str
    kind: str
    depth: tuple[int, int]
    money: bool
    meaning: str
    floor: int | None = None

    @property
    def sign(self) -> int:
        """+1 where debits make the account grow."""
        return 1 if self.kind in ("asset", "expense") else -1


ROOTS = (
    # What we hold. One account per till and tender (decisions.md D20), so that no sale shares a row with another till.
    Root("cash", "asset", (2, 2), True, said("Notes and coins in the drawer of a till.")),
    Root("card", "asset", (2, 2), True, said("Card payments taken at a till, owed to us by the acquirer.")),
    Root("cheque", "asset", (2, 2), True, said("Cheques taken at a till.")),
    Root("transfer", "asset", (2, 2), True, said("Bank transfers and QR payments noted at a till.")),
    Root("voucher", "asset", (2, 2), True, said("Vouchers taken at a till.")),
    Root("gateway", "asset", (2, 2), True, said("Money that an online payment provider owes us.")),
    Root(
        "safe",
        "asset",
        (2, 2),
        True,
        said("Cash skimmed from drawers, and floats not handed out. Floor zero."),
        0,
    ),
    Root("bank", "asset", (2, 2), True, said("Money at the bank.")),
    Root(
        "debt",
        "asset",
        (2, 3),
        True,
        said("What a customer owes us: debt/<customer>/<which>. Floor zero."),
        0,
    ),
    Root(
        "adopted",
        "asset",
        (2, 2),
        True,
        said("What was paid for an order taken in from the log after a restore, to be found. Floor zero."),
        0,
    ),
    # What we owe.
    Root("customer", "liability", (2, 2), True, said("Money of a customer not spent yet. Floor zero."), 0),
    Root(
        "kept",
        "liability",
        (2, 2),
        True,
        said("What a purchase left over, spent first by the next one. Floor zero."),
        0,
    ),
    Root(
        "held",
        "liability",
        (2, 2),
        True,
        said("Money of a customer for orders that are paid and not yet released."),
    ),
    Root("deposit", "liability", (2, 2), True, said("A tenant's deposit. Floor zero."), 0),
    Root(
        "seller",
        "liability",
        (2, 2),
        True,
        said("A third-party seller's deposit; floor minus his credit."),
        0,
    ),
    Root(
        "commission", "liability", (2, 2), True, said("Commission earned by a seller and not yet paid out.")
    ),
    Root(
        "suspense",
        "liability",
        (2, 2),
        True,
        said("Money received that nobody has claimed yet. Floor zero."),
        0,
    ),
    Root("tax", "liability", (2, 2), True, said("Tax taken for the authority.")),
    Root("levy", "liability", (2, 2), True, said("Levies taken for others.")),
    # What we earn and spend.
    Root(
        "sales",
        "income",
        (2, 3),
        True,
        said("Sales by service; fixed charges, demand and others beside them."),
    ),
    Root("fees", "income", (2, 2), True, said("Channel, tamper, reconnection and management fees.")),
    Root(
        "rounding",
        "income",
        (1, 2),
        True,
        said("Differences of rounding, lines and cash; either side of zero."),
    ),
    Root("over-short", "expense", (2, 2), True, said("Drawers counted over or short, by till.")),
    Root("loss", "expense", (2, 2), True, said("Written-off debts, refunds without proof, gifts.")),
    Root("cost", "expense", (2, 3), True, said("Commission and other costs.")),
    Root("equity", "equity", (2, 2), True, said("Opening balances and what owners put in.")),
    # Energy, a second commodity in the same books: where it came from and where it went.
    Root("energy/sold", "income", (3, 3), False, said("Energy handed out against money.")),
    Root(
        "energy/free",
        "income",
        (3, 3),
        False,
        said("Energy handed out free: allowances and engineering credit."),
    ),
    Root(
        "energy/replaced",
        "income",
        (3, 3),
        False,
        said("Credit issued again for another meter or a lost token."),
    ),
    Root("energy/returned", "income", (3, 3), False, said("Credit taken back or destroyed.")),
    Root(
        "energy/meter", "asset", (3, 3), False, said("Credit given to a meter, net of what was taken back.")
    ),
)

SERVICES = ("electricity", "water", "gas", "cooling", "time")

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_BY_NAME = {root.name: root for root in ROOTS}


@lru_cache(maxsize=65536)
def root_of(path: str) -> Root:
    """The place in the chart where a path stands."""
    words = path.split("/")
    root = _BY_NAME.get("/".join(words[:2])) or _BY_NAME.get(words[0])
    if root is None:
        raise AccountUnknown(
            f"{path!r} stands nowhere in the chart of accounts. It begins with one of {', '.join(sorted(_BY_NAME))}.",
            "account",
        )
    least, most = root.depth
    if not least <= len(words) <= most or not all(_WORD.match(word) for word in words):
        raise AccountUnknown(
            f"{path!r} is not written like an account of {root.name}. {root.meaning}", "account"
        )
    if not root.money and root.name != "energy/meter" and words[-1] not in SERVICES:
        raise AccountUnknown(f"{path!r} must end in a service: {', '.join(SERVICES)}.", "account")
    return root


@lru_cache(maxsize=256)
def is_money(unit: str) -> bool:
    """A unit is an ISO currency code (money) or the name of a service (energy)."""
    if unit in SERVICES:
        return False
    if re.fullmatch(r"[A-Z]{3}", unit, re.ASCII):
        return True
    raise UnitUnknown(f"{unit!r} is neither a currency code nor one of {', '.join(SERVICES)}.", "unit")
