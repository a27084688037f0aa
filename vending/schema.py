"""Every table of the product: finds the `tables.py` of each capability, for migrations and for tests.

The one place that looks into all capabilities' tables; it gives the metadata and nothing else.
"""

import importlib
import pkgutil
from pathlib import Path

import sqlalchemy as sa

import vending
from vending import audit, outbox, schedules
from vending.db import Base


def metadata() -> sa.MetaData:
    """The metadata with every table of the house declared in it."""
    assert audit.__name__
    assert outbox.__name__
    assert schedules.__name__  # the kernel's own tables, imported for their declarations
    root = Path(vending.__file__).parent
    for package in sorted(path.parent.name for path in root.glob("*/tables.py")):
        importlib.import_module(f"vending.{package}.tables")
    # A capability that has outgrown one file keeps its tables in a package of that name.
    for package in sorted(path.parent.name for path in root.glob("*/tables") if path.is_dir()):
        for module in pkgutil.iter_modules([str(root / package / "tables")]):
            importlib.import_module(f"vending.{package}.tables.{module.name}")
    return Base.metadata
