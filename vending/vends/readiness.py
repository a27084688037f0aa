"""What is asked before money moves: can the module give the tokens of this order now?

It is asked once for a group. What the budgets still hold is counted down as the group's orders are planned, in the
module's own way (one token is debited to one budget), so that the last order of a group is not paid for in vain. A look
only: the module decides again, exactly, when it is asked for the token.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import Budget, SecurityModule
from vending.vends.errors import BudgetTooSmall, ModuleNotReady, TooManyTokens
from vending.vends.plan import Planned
from vending.vends.tables import Token

LEAD = 60  # minutes that a meter's token time may run ahead of the clock (decisions.md D6)


class Readiness:
    def __init__(self, reason: str, budgets: tuple[Budget, ...]) -> None:
        self.reason = reason
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
        return cls("" if status.state == "ready" else status.reason, status.budgets)

    def require(self, session: Session, plan: Planned, now: datetime) -> None:
        """Refuses an order whose tokens could not come; an order without tokens needs no module."""
        if not plan.parts:
            return
        if self.reason:
            raise ModuleNotReady(f"Nothing can be sold now, and no money is due: {self.reason}")
        self._debit(plan, now)
        if len(plan.parts) > 1:
            _require_lead(session, plan, now)

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
