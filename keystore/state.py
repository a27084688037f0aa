"""What the module knows, all of it from its log: `fold.apply` lets it follow one entry after another.

Nothing here is stored as truth: budgets used, identifiers reached, keys that a meter has held, acts that counted,
orders that are known all follow from the entries in order (decisions.md D6, D11, D12). `image` and `from_image` give
the same state to a snapshot and back.

Not here: whether a request is allowed (`planning.py`), what an act may do (`powers.py`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from hashlib import sha256
from sys import intern
from typing import Any

from keystore import acts
from keystore.approvals import Approver, base64url, from_base64url
from keystore.limits import DEFAULT_LIMITS, Account, ClassLimit

Json = dict[str, Any]


@dataclass(slots=True)
class Meter:
    """One meter PAN: its last identifier in absolute minutes, the day's use, and the keys that it has held."""

    last: int = -1
    day: int = -1
    units: int = 0
    tokens: int = 0
    month: str = ""
    free: int = 0
    held: list[str] = field(default_factory=list)  # key names; the last is the present one

    def remember(self, name: str) -> None:
        """The key a meter is under now is the last of those that it has held."""
        if not self.held or self.held[-1] != name:
            if name in self.held:
                self.held.remove(name)
            self.held.append(intern(name))  # meters of one supply group share most of their names


def key_name(keying: Json) -> str:
    """The name of a decoder key without its bytes: all that enters it, and nothing that does not."""
    return (
        f"{keying['sgc']}/{keying['krn']}/{keying['key_type']}/{keying['ti']}/"
        f"{keying['base_date']}/{keying['dkga']}/{keying['ea']}"
    )


def order_key(order_id: str) -> bytes:
    return sha256(order_id.encode()).digest()[:16]


class State:
    """Changed by `fold.apply` and by nothing else."""

    def __init__(self) -> None:
        self.meters: dict[str, Meter] = {}
        self.budgets: dict[str, Account] = {}
        self.by_group: dict[tuple[str, str, str | None], list[Account]] = {}
        self.approvers: dict[str, Approver] = {}
        self.dismissed: set[str] = set()
        self.limits: dict[str, ClassLimit] = dict(DEFAULT_LIMITS)
        self.suspended: set[str] = set()
        self.acts: set[str] = set()
        self.permits: dict[str, tuple[str, int]] = {}  # item digest -> act id, end
        self.floor = -1  # for every meter: raised by a fast-forward
        self.generation = 0
        self.last_at = 0  # milliseconds
        self.forwarded: tuple[int, str] | None = None  # a lost head that approvers accepted as lost
        self.unpaid: dict[str, int] = {}  # by kind of entry: when its allowance is whole again

    def meter(self, pan: str) -> Meter:
        found = self.meters.get(pan)
        if found is None:
            found = self.meters[pan] = Meter()
        return found

    def add_budget(self, account: Account) -> None:
        self.budgets[account.budget_id] = account
        self.by_group.setdefault((account.kind, account.sgc, account.service), []).append(account)

    # --- snapshots ------------------------------------------------------------------------------------------------

    def image(self) -> Json:
        return {
            "meters": {
                pan: [m.last, m.day, m.units, m.tokens, m.month, m.free, m.held]
                for pan, m in self.meters.items()
            },
            "budgets": [asdict(account) for account in self.budgets.values()],
            "approvers": [
                [a.name, a.person, a.kind, base64url(a.public_key), a.origin] for a in self.approvers.values()
            ],
            "dismissed": sorted(self.dismissed),
            "limits": {name: [x.units_a_day, x.tokens_a_day] for name, x in self.limits.items()},
            "suspended": sorted(self.suspended),
            "acts": sorted(self.acts),
            "permits": self.permits,
            "floor": self.floor,
            "generation": self.generation,
            "last_at": self.last_at,
            "forwarded": self.forwarded,
            "unpaid": self.unpaid,
        }

    @classmethod
    def from_image(cls, image: Json) -> State:
        state = cls()
        state.meters = {pan: Meter(*row) for pan, row in image["meters"].items()}
        for row in image["budgets"]:
            state.add_budget(Account(**row))
        for name, person, kind, public_key, origin in image["approvers"]:
            state.approvers[name] = Approver(name, person, kind, from_base64url(public_key), origin)
        state.dismissed = set(image["dismissed"])
        state.limits = {name: ClassLimit(*row) for name, row in image["limits"].items()}
        state.suspended = set(image["suspended"])
        state.acts = set(image["acts"])
        state.permits = {digest: (row[0], row[1]) for digest, row in image["permits"].items()}
        state.floor = image["floor"]
        state.generation = image["generation"]
        state.last_at = image["last_at"]
        state.unpaid = image["unpaid"]
        lost = image["forwarded"]
        state.forwarded = (lost[0], lost[1]) if lost else None
        return state


def private_digest(request: Json) -> str:
    """As `acts.item_digest`, from a request in its wire form."""
    content = {name: value for name, value in request.items() if name != "approval"}
    return sha256(acts.canonical(content).encode()).hexdigest()
