"""How fast tokens are made, as ratios of things measured beside them in the same run.

    python benchmarks/tokens.py [--json]

Both sides of every ratio run in turns, several times, on one core; the median is printed with the lowest and
highest. The C program (byte tables, EA07 cipher alone) is compiled here with gcc -O3 from tables made here,
and its answers are compared with ours before anything is timed. A ratio below its goal makes the exit
status 1.
"""

import argparse
import hmac
import importlib.util
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sts import batch, dkga, drn, fast, keys, pan
from sts.ciphers import sta
from sts.ciphers.sta_tables import Sta, chosen_bytes

ROUNDS = 5
BATCH = 1 << 17
SINGLE = 4_000
HASHES = 20_000

_specification = importlib.util.spec_from_file_location(
    "naive", Path(__file__).with_name("oracles") / "naive.py"
)
naive = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(naive)

C_PROGRAM = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tables.h" /* static const uint64_t TABLE[8][4][256]; */

static uint64_t encipher(uint64_t key, uint64_t block) {
    uint64_t turning = ~key;
    turning = turning >> 12 | turning << 52;
    for (int round = 0; round < 16; round++) {
        uint64_t next = 0;
        for (int place = 0; place < 8; place++) {
            unsigned byte = turning >> 8 * place & 0xFF;
            unsigned choice = (byte >> 3 & 1) | (byte >> 7 & 1) << 1;
            next |= TABLE[place][choice][block >> 8 * place & 0xFF];
        }
        block = next;
        turning = turning << 1 | turning >> 63;
    }
    return block;
}

int main(int count, char **arguments) {
    uint64_t key = 0x0ABC12DEF3456789, block = 0x0B19EB230100C207;
    printf("%016llx\n", (unsigned long long)encipher(key, block));
    long blocks = atol(arguments[1]);
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    uint64_t sum = 0;
    for (long i = 0; i < blocks; i++) { /* a new key and a new block each time, independent of the last */
        key += 0x9E3779B97F4A7C15; block += 0xC2B2AE3D27D4EB4F;
        sum ^= encipher(key, block);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double seconds = (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9;
    printf("%.1f %llx\n", blocks / seconds, (unsigned long long)sum);
    return count == 2 ? 0 : 1;
}
"""


def compiled(folder):
    """The C program, with the same tables."""
    rows = [chosen_bytes(sta.SAMPLE, place) for place in range(8)]
    tables = re.sub(r"(\d+)", r"\1ull", json.dumps(rows)).replace("[", "{").replace("]", "}")
    (folder / "tables.h").write_text(f"static const uint64_t TABLE[8][4][256] = {tables};\n")
    (folder / "ea07.c").write_text(C_PROGRAM)
    subprocess.run(["gcc", "-O3", "-o", folder / "ea07", folder / "ea07.c"], check=True)
    return folder / "ea07"


def c_rate(program, blocks=2_000_000):
    example, figures = subprocess.run(
        [program, str(blocks)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert example == "c45ed1619406df95", "the C program does not compute EA07"
    return float(figures.split()[0])


def rate(count, work):
    start = time.process_time()  # not the wall clock: a shared machine would measure its other users
    work()
    return count / (time.process_time() - start)


class Cases:
    """Random meters, keys and values, the same for every side."""

    def __init__(self):
        draw = random.Random(1)
        self.vending_key = keys.VendingKey(
            draw.randbytes(20), keys.KeyType.DUTK, "123456", 1, 255, 2014, "04"
        )
        self.pans = [pan.of("600727", drn.of(f"{draw.randrange(10**10):010d}")) for _ in range(SINGLE * 4)]
        self.tis = [f"{draw.randrange(100):02d}" for _ in self.pans]
        self.values = [
            (0, draw.randrange(16), draw.randrange(1 << 24), draw.randrange(16384)) for _ in self.pans
        ]
        self.asked = [(p, t, *v) for p, t, v in zip(self.pans, self.tis, self.values, strict=True)]
        generator = np.random.default_rng(1)
        self.keys = {
            ea: generator.integers(0, 256, (BATCH, length), dtype=np.uint8)
            for ea, length in keys.DECODER_KEY_BYTES.items()
        }
        self.tids = generator.integers(0, 1 << 24, BATCH)
        self.units = generator.integers(0, 16384, BATCH)

    def batch(self, ea):
        def work():
            batch.credits(self.keys[ea], ea=ea, subclass=0, rnd=5, tid=self.tids, units=self.units)

        return rate(BATCH, work)

    def batch_derived(self, ea):
        _, rnd, tid, units = map(np.array, zip(*self.values, strict=True))

        def work():
            rows = batch.derive(self.vending_key, self.pans, self.tis, ea=ea)
            batch.credits(rows, ea=ea, subclass=0, rnd=rnd, tid=tid, units=units)

        return rate(len(self.pans), work)

    def single(self, ea):
        issue = fast.credit_issuer(self.vending_key, ea=ea)
        issue(*self.asked[0])

        def work():
            for asked in self.asked[:SINGLE]:
                issue(*asked)

        return rate(SINGLE, work)

    def hmac(self):
        key, data = self.vending_key.value, dkga.dkga04_data(self.vending_key, self.pans[0], "07", "11")

        def work():
            for _ in range(HASHES):
                hmac.digest(key, data, "sha256")

        return rate(HASHES, work)

    def cipher(self):
        encipher = Sta(sta.SAMPLE).encipher
        rows = [bytes(row) for row in self.keys["07"][:SINGLE]]
        encipher(rows[0], 0)

        def work():
            for row in rows:
                encipher(row, 0x0123456789ABCDEF)

        return rate(SINGLE, work)

    def naive(self):
        rows = [naive.binary(int.from_bytes(bytes(row), "big"), 64) for row in self.keys["07"][:100]]
        block = naive.binary(0x0123456789ABCDEF, 64)

        def work():
            for row in rows:
                naive.sta_encrypt(row, block)

        return rate(len(rows), work)


def import_seconds(statement, times=7):
    """The shortest of several fresh interpreters, less that of an empty one."""

    def shortest(program):
        return min(
            float(
                subprocess.run(
                    [
                        sys.executable,
                        "-I",
                        "-c",
                        f"import time; t = time.process_time(); {program}; print(time.process_time() - t)",
                    ],
                    capture_output=True,
                    text=True,
                    check=True,
                    cwd=Path(__file__).parents[1],
                ).stdout
            )
            for _ in range(times)
        )

    return shortest(statement)


def compare(ours, theirs):
    """Both in turns; the median of the ratios, the lowest, the highest, and the median rates."""
    pairs = [(theirs(), ours(), theirs()) for _ in range(ROUNDS)]
    ratios = [2 * mine / (before + after) for before, mine, after in pairs]
    return {
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
        "ours": statistics.median(mine for _, mine, _ in pairs),
        "theirs": statistics.median((before + after) / 2 for before, _, after in pairs),
    }


def verify(cases):
    """Nothing is timed before it is known to be right."""
    for ea in ("07", "11"):
        issue = fast.credit_issuer(cases.vending_key, ea=ea)
        rows = batch.derive(cases.vending_key, cases.pans[:1000], cases.tis[:1000], ea=ea)
        columns = [list(column)[:1000] for column in zip(*cases.values, strict=True)]
        digits = batch.as_text(
            batch.credits(rows, ea=ea, subclass=columns[0], rnd=columns[1], tid=columns[2], units=columns[3])
        )
        assert digits == [issue(*asked) for asked in cases.asked[:1000]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cases = Cases()
    verify(cases)
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        results = [
            (
                f"batch, keys given, EA{ea} / C, cipher alone",
                0.12,
                compare(lambda ea=ea: cases.batch(ea), lambda: c_rate(program)),
            )
            for ea in ("07", "11")
        ]
    for ea in ("07", "11"):
        measured = compare(lambda ea=ea: cases.batch_derived(ea), cases.hmac)
        results.append((f"batch with DKGA04, EA{ea} / HMAC-SHA-256", 0.5, measured))
    for ea, goal in (("07", 0.15), ("11", 0.10)):
        measured = compare(lambda ea=ea: cases.single(ea), cases.hmac)
        results.append((f"one at a time with DKGA04, EA{ea} / HMAC-SHA-256", goal, measured))
    results.append(("EA07 cipher / bit strings", 20, compare(cases.cipher, cases.naive)))
    ours = import_seconds("import sts")
    theirs = import_seconds("import dataclasses, decimal, hmac")
    cost = {"ratio": ours / theirs, "ours": ours, "theirs": theirs}
    show(results, cost, as_json=options.json)
    return 1 if cost["ratio"] > 4 or any(measured["ratio"] < goal for _, goal, measured in results) else 0


def show(results, cost, *, as_json):
    if as_json:
        rows = [{"name": name, "goal": goal, **measured} for name, goal, measured in results]
        print(json.dumps([*rows, {"name": "import sts", "goal": "at most 4", **cost}]))
        return
    print(
        f"{'':52} {'ratio':>7} {'goal':>6}   {'lowest':>7} {'highest':>7}   {'ours/s':>10} {'theirs/s':>10}"
    )
    for name, goal, measured in results:
        print(
            f"{name:52} {measured['ratio']:7.3f} {goal:6.2f}   {measured['lowest']:7.3f} {measured['highest']:7.3f}"
            f"   {measured['ours']:10,.0f} {measured['theirs']:10,.0f}"
        )
    print(f"{'import sts / dataclasses, decimal, hmac':52} {cost['ratio']:7.3f}    <=4")


if __name__ == "__main__":
    sys.exit(main())
