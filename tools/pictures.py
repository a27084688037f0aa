"""Makes the pictures of the one-page guides: `python tools/pictures.py`. The browser test walks the product and keeps them; here
they are made small. Look at each one before it is committed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLOURS = 160


def main() -> int:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "tests/journeys/test_guides.py",
            "-k",
            "page_of_a_role or cashiers or paper",
        ],
        cwd=ROOT,
        env={**os.environ, "AMPOULE_PICTURES": str(PICTURES)},
        check=False,
    )
    for path in sorted(PICTURES.glob("guide-*.png")):
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(
                COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
            )
        small.save(path, optimize=True)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
