"""A SoftHSM2 token of its own for a test, and a module whose vending keys are in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keystore_cast as cast
import pytest

from keystore import demonstration, making, opening, seal, store
from keystore.pkcs11 import Slot, Token, TokenKeys, store_key

PIN = "864213"
LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
_home: list[Path] = []


class Soft:
    """One token in its own folder. The library is loaded once a process, so all tokens share a configuration."""

    def __init__(self, folder: Path, label: str) -> None:
        self.folder = folder
        self.slot = Slot(Path(next(p for p in LIBRARIES if Path(p).exists())), label)
        self.token = Token(self.slot, PIN)

    def source(self, labels: dict[str, str], pin: str) -> TokenKeys:
        assert pin == PIN
        return TokenKeys(self.token, labels)

    def module(self, folder: Path) -> Any:
        """The demonstration's keys, each in the token under the id of its record."""
        store.create(folder / demonstration.KEY_FILE, self.key_file())
        module = cast.Module(folder, hsm=self.source)
        demonstration.hand_in(module.engine, demonstration.opening_acts(module.name, module.now()))
        return module

    def key_file(self) -> seal.Opened:
        plain = demonstration.new_file()
        kept = tuple(r for r in plain.file.records if not r.kind.startswith("vending"))
        opened = making.with_pin(seal.Opened(replace(plain.file, records=kept), plain.root), PIN)
        for number, row in enumerate(demonstration.public()["keys"]):
            key = demonstration.key_to_load(row)
            label = f"{self.slot.label} {number}"
            store_key(self.token, label, key.value, key.dkga)
            opened, _ = making.with_hsm_key(opened, key, label)
        return opened


@contextmanager
def token(folder: Path) -> Iterator[Soft]:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("needs softhsm2")
    if not _home:
        import tempfile

        home = Path(tempfile.mkdtemp(prefix="softhsm-"))
        (home / "tokens").mkdir()
        (home / "softhsm2.conf").write_text(
            f"directories.tokendir = {home}/tokens\nobjectstore.backend = file\n"
        )
        os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
        _home.append(home)
    label = f"ampoule-{uuid.uuid4().hex[:12]}"
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN],
        check=True,
        capture_output=True,
    )
    import pkcs11

    library = pkcs11.lib(LIBRARIES[0] if Path(LIBRARIES[0]).exists() else LIBRARIES[1])
    library.reinitialize()
    found = Soft(_home[0] / "tokens", label)
    yield found
    found.token.lost()


__all__ = ["Soft", "opening", "token"]
