"""Runs the checks and prints what was looked at, how many rows, and every fault. Read only; the exit status tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from vending.auditor import of_estate, of_ledger, of_occupancy, of_people, of_sales, of_shifts, of_tariffs
from vending.auditor.check import MOST_SHOWN, Books, Check, Result, carried_out

CHECKS: tuple[Check, ...] = (
    *of_ledger.CHECKS,
    *of_sales.CHECKS,
    *of_shifts.CHECKS,
    *of_occupancy.CHECKS,
    *of_tariffs.CHECKS,
    *of_estate.CHECKS,
    *of_people.CHECKS,
)


@dataclass(frozen=True, slots=True)
class Report:
    results: tuple[Result, ...]

    @property
    def faults(self) -> int:
        return sum(len(result.faults) for result in self.results)

    @property
    def clean(self) -> bool:
        return self.faults == 0

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "checks": [
                {
                    "code": result.check.code,
                    "invariant": result.check.invariant,
                    "holds": result.check.holds,
                    "state": result.state,
                    "rows": result.looked_at,
                    "faults": list(result.faults),
                    "missing": list(result.missing),
                }
                for result in self.results
            ],
        }

    def lines(self) -> list[str]:
        """For people: one line a check, faults under their check, the sum at the end."""
        lines = []
        for result in self.results:
            mark = {"holds": "holds", "fault": "FAULT", "not checked": "  -  "}[result.state]
            rows = f"{result.looked_at:>9,} rows" if not result.missing else "not there yet "
            lines.append(f"{mark}  {rows}  {result.check.invariant:<8} {result.check.holds}")
            lines += [f"         {fault}" for fault in result.faults[:MOST_SHOWN]]
            if len(result.faults) > MOST_SHOWN:
                lines.append(f"         and {len(result.faults) - MOST_SHOWN} more")
        checked = [result for result in self.results if not result.missing]
        looked_at = sum(result.looked_at for result in checked)
        lines.append("")
        lines.append(
            f"{len(checked)} of {len(self.results)} checks, {looked_at:,} rows looked at: "
            + ("no fault." if self.clean else f"{self.faults} faults.")
        )
        return lines


def run(connection: Connection, *, now: datetime | None = None, checks: Sequence[Check] = CHECKS) -> Report:
    """Every check on this connection, which should see one state throughout (a read transaction)."""
    books = Books(connection)
    yesterday = (now or datetime.now(UTC)) - timedelta(days=1)
    return Report(tuple(carried_out(check, books, yesterday) for check in checks))
