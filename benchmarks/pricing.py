"""Pricing: money to energy and back, against the plain Decimal oracle of the tests, side by side in one run.

Goals: a flat tariff at most 30 µs, tiers with taxes and arrears at most 200 µs, and at least 5 times as fast as Decimal.
Run: .venv/bin/python benchmarks/pricing.py
"""

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.vending.tariffs import oracle
from vending.tariffs import document
from vending.tariffs.pricing import Debt, Quote, Situation, price_energy, price_money
from vending.tariffs.structure import Tariff

VECTORS = Path(__file__).parents[1] / "tests" / "vectors" / "tariffs"
PAIRS = 5


def tariff(code: str) -> Tariff:
    return document.parsed((VECTORS / f"{code}.toml").read_text()).tariff


def timed(act: Callable[[int], object], times: int) -> float:
    """Microseconds for one."""
    start = time.perf_counter()
    for turn in range(times):
        act(turn)
    return (time.perf_counter() - start) / times * 1e6


def compare(
    name: str, goal_us: float, product: Callable[[int], object], plain: Callable[[int], object]
) -> None:
    timed(product, 200)
    pairs = [(timed(product, 2000), timed(plain, 200)) for _ in range(PAIRS)]
    ours = statistics.median(pair[0] for pair in pairs)
    ratios = sorted(pair[1] / pair[0] for pair in pairs)
    print(
        f"{name:42} {ours:7.1f} µs (goal {goal_us:.0f})   {statistics.median(ratios):5.1f} x as fast as Decimal "
        f"({ratios[0]:.1f}-{ratios[-1]:.1f}, goal 5)"
    )


def main() -> None:
    flat, flat_facts = tariff("za-ethekwini-2022-scale8"), Situation()
    full = tariff("za-submeter-bureau-enbaya")
    facts = Situation(units_before=1600, months_due=1, channel="eft", debts=(Debt("old", "Arrears", 40_000),))
    levies, levies_facts = tariff("ke-kplc-domestic-prepaid-2013"), Situation(months_due=1)
    for one, situation in ((flat, flat_facts), (full, facts), (levies, levies_facts)):
        for paid in range(20_000, 120_000, 997):
            quote = price_money(one, situation, paid)
            assert isinstance(quote, Quote)
            assert quote.units == oracle.largest(one, situation, paid), "the two sides disagree"
    print(
        f"one sale each, with its lines; the oracle finds the quantity alone. Median of {PAIRS} pairs, range in brackets"
    )
    compare(
        "flat, money to energy",
        30,
        lambda turn: price_money(flat, flat_facts, 10_000 + turn),
        lambda turn: oracle.largest(flat, flat_facts, 10_000 + turn),
    )
    compare(
        "tiers, tax, fee, arrears: money to energy",
        200,
        lambda turn: price_money(full, facts, 50_000 + turn),
        lambda turn: oracle.largest(full, facts, 50_000 + turn),
    )
    compare(
        "tiers and eight levies: money to energy",
        200,
        lambda turn: price_money(levies, levies_facts, 50_000 + turn),
        lambda turn: oracle.largest(levies, levies_facts, 50_000 + turn),
    )
    back = statistics.median(
        timed(lambda turn: price_energy(flat, flat_facts, 1000 + turn), 2000) for _ in range(PAIRS)
    )
    print(f"{'flat, energy to money':42} {back:7.1f} µs (goal 30)")


if __name__ == "__main__":
    main()
