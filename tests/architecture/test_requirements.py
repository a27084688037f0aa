"""The pinned lists agree: what an installed site gets is what the tests ran with, and nothing of the product is missing in it."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([\w.+!-]+)", text, re.MULTILINE | re.IGNORECASE))


def test_the_lists_name_the_same_versions() -> None:
    every = pins("all.txt")
    assert len(every) > 60
    for name in ("product.txt", "site.txt"):
        found = pins(name)
        assert {key: one for key, one in found.items() if every.get(key) != one} == {}, name


def test_an_installed_site_lacks_nothing_of_the_product_and_can_use_postgresql() -> None:
    site = pins("site.txt")
    assert set(pins("product.txt")) - set(site) == set()
    assert {"psycopg", "granian", "python-pkcs11"} <= set(site)
