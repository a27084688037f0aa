"""What is asked before money moves: can the module give the tokens of this order now?

It is asked once for a group. What the budgets still hold is counted down as the group's orders are planned, in the
module's own way (one token is debited to one budget), so that the last order of a group is not paid for in vain. What the
meter's class may have in a day is held against what the meter had, where an order is large or has several tokens: those are the
orders of which a part could come and a part be refused. A look only: the module decides again, exactly, when it is asked for
the token.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import Budget, KeyLine, LimitLine, SecurityModule
from sts import tid as token_time
from vending.vends.errors import BudgetTooSmall, DayLimitReached, KeyNotUsable, ModuleNotReady, TooManyTokens
from vending.vends.plan import Planned
from vending.vends.tables import Token

LARGE = 8  # from an eighth of the class's day on, an order is held against it
DAY = 24 * 60
LEAD = 60  # minutes that a meter's token time may run ahead of the clock (decisions.md D6)


class Readiness:
    def __init__(
        self,
        reason: str,
        budgets: tuple[Budget, ...],
        limits: tuple[LimitLine, ...] = (),
        keys: tuple[KeyLine, ...] = (),
    ) -> None:
        self.reason = reason
        self._keys = keys
        self._limits = {limit.meter_class: limit for limit in limits}
        self._budgets = {budget.budget_id: budget for budget in budgets}
        self._left = {budget.budget_id: budget.left for budget in budgets}

    @classmethod
    def of(cls, module: SecurityModule, *, live_only: bool) -> Readiness:
        """`live_only` (production): a module with test keys sells nothing."""
        try:
            status = module.status()
        except KeystoreError as error:
            return cls(error.sentence, ())
        if status.test and live_only:
            return cls(
                "The security module holds test keys, and this is a production site. Load the site's own key file.",
                (),
            )
        reason = "" if status.state == "ready" else status.reason
        return cls(reason, status.budgets, status.limits, status.keys)

    def require(self, session: Session, plan: Planned, now: datetime) -> None:
        """Refuses an order whose tokens could not come; an order without tokens needs no module."""
        if not plan.parts:
            return
        if self.reason:
            raise ModuleNotReady(f"Nothing can be sold now, and no money is due: {self.reason}")
        self._require_key(plan, now)
        self._debit(plan, now)
        limit = self._limits.get(plan.buyer.meter_class)
        if limit is not None and (len(plan.parts) > 1 or _units(plan) * LARGE > limit.units_a_day):
            _require_day(session, plan, limit, now)
        if len(plan.parts) > 1:
            _require_lead(session, plan, now)

    def _require_key(self, plan: Planned, now: datetime) -> None:
        """The meter's key is one that the module has, may use, and whose time is not over."""
        keying = plan.buyer.keying
        sgc, krn = keying["sgc"], keying["krn"]
        end = _end_of_key(keying["ken"], keying["base_date"])
        if now > end:
            raise KeyNotUsable(
                f"No money is due: the meter's key (supply group {sgc}, revision {krn}) ended on {end:%Y-%m-%d %H:%M} UTC. "
                "Change the meter to a key with time."
            )
        held = [key for key in self._keys if (key.sgc, key.krn) == (sgc, krn)]
        if not self._keys or any(key.state == "active" and now <= key.last_minute for key in held):
            return
        if held:
            raise KeyNotUsable(
                f"No money is due: the security module may not use the meter's key (supply group {sgc}, revision {krn}) now. The "
                "key manager says why, or the meter is changed to another key."
            )
        raise KeyNotUsable(
            f"No money is due: the meter's key (supply group {sgc}, revision {krn}) is not in the security module. The key "
            "manager brings it in, or the meter is changed to another key."
        )

    def _debit(self, plan: Planned, now: datetime) -> None:
        if not self._budgets:
            return
        sgc = plan.buyer.keying["sgc"]
        fitting = sorted(
            (
                budget
                for budget in self._budgets.values()
                if (budget.kind, budget.sgc, budget.service) == ("units", sgc, plan.buyer.service)
                and budget.starts <= now < budget.expires
            ),
            key=lambda budget: (budget.expires, budget.budget_id),
        )
        left = dict(self._left)
        for part in plan.parts:
            units = part.units or 0
            budget = next((one for one in fitting if left[one.budget_id] >= units), None)
            if budget is None:
                most = max((left[one.budget_id] for one in fitting), default=0)
                raise BudgetTooSmall(
                    f"The open budgets for {plan.buyer.service} hold {most / 10:,.1f} more, and this order needs "
                    f"{(plan.units + plan.free_units) / 10:,.1f}. No money is due. Sell less, or let two approvers top up the budget."
                )
            left[budget.budget_id] -= units
        self._left = left


def _end_of_key(ken: int, base_date: int) -> datetime:
    """The last minute that a token under this expiry number can carry (IEC 62055-41, 6.1.10)."""
    last = 2**24 - 1 if ken >= 255 else ken << 16 | 0xFFFF
    return token_time.decode(last, token_time.BaseDate(base_date))


def _units(plan: Planned) -> int:
    return sum(part.units or 0 for part in plan.parts)


def _require_day(session: Session, plan: Planned, limit: LimitLine, now: datetime) -> None:
    """The module counts by days of the supply group's clock; how far that is from UTC is read off the tokens themselves."""
    rows = session.execute(
        sa.select(Token.absolute_minute, Token.units, Token.logged_at).where(
            Token.pan == plan.buyer.pan,
            Token.logged_at > now - timedelta(days=1, minutes=2 * LEAD),
        )
    )
    had = [
        (minute, given, logged_at)
        for minute, given, logged_at in rows
        if minute is not None and given is not None
    ]
    units = tokens = 0
    if had:
        offset = min(minute - int(logged_at.timestamp() // 60) for minute, _units, logged_at in had)
        last = max(minute for minute, _units, _logged_at in had)
        today = max(last + 1, int(now.timestamp() // 60) + offset) // DAY
        of_today = [given for minute, given, _logged_at in had if minute // DAY == today]
        units, tokens = sum(of_today), len(of_today)
    if units + _units(plan) > limit.units_a_day or tokens + len(plan.parts) > limit.tokens_a_day:
        raise DayLimitReached(
            f"A {limit.meter_class} meter may have {limit.units_a_day / 10:,.1f} in {limit.tokens_a_day} tokens a day. This one had "
            f"{units / 10:,.1f} in {tokens}, and this order is {_units(plan) / 10:,.1f} in {len(plan.parts)}. No money is due. Sell less "
            "today, or let two approvers raise the limit of its class."
        )


def _require_lead(session: Session, plan: Planned, now: datetime) -> None:
    """Each token takes a minute of the meter's time, and those of the last hour may have run ahead of the clock."""
    logged = session.scalars(
        sa.select(Token.logged_at)
        .where(
            Token.pan == plan.buyer.pan,
            Token.absolute_minute.is_not(None),
            Token.logged_at > now - timedelta(minutes=2 * LEAD),
        )
        .order_by(Token.logged_at)
    )
    last = 0
    for moment in logged:
        last = max(int(moment.timestamp() // 60), last + 1)
    ahead = max(last - int(now.timestamp() // 60), 0)
    # One minute is left for the reserved minute, which is stepped over.
    if ahead + len(plan.parts) + 1 > LEAD:
        raise TooManyTokens(
            f"This meter had many tokens within the hour, and {len(plan.parts)} more would run ahead of its clock. "
            f"No money is due. Try again in {ahead + len(plan.parts) + 1 - LEAD} minutes, or sell less."
        )
