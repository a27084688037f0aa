"""Vending keys in a token: the same decoder keys as from the file, and a token pulled in mid-run."""

from __future__ import annotations

import shutil
from pathlib import Path

import keystore_pkcs11_cast as hsm
import pytest
from keystore_cast import credit, management, meter, old_meter

from keystore import demonstration
from keystore.keyring import FileKeys, KeyRing, TokenPulled, VendingRecord


def test_the_token_gives_the_same_decoder_keys_as_the_file(tmp_path: Path) -> None:
    rows = demonstration.public()["keys"]
    with hsm.token(tmp_path) as soft:
        module = soft.module(tmp_path / "m")
        records = list(module.engine.ring.by_id.values())
        secrets = {
            r.record_id: bytes.fromhex(next(k["value"] for k in rows if k["label"] == r.label))
            for r in records
        }
        from_file = KeyRing(records, FileKeys(secrets))
        for keying in (
            meter(),
            meter(ea="07"),
            old_meter(),
            old_meter(krn=1, base_date=1993),
            meter(ti="42", krn=2),
        ):
            record: VendingRecord | None = module.engine.ring.find(keying)
            assert record is not None
            assert module.engine.ring.decoder_key(record.record_id, keying) == from_file.decoder_key(
                record.record_id, keying
            )
        module.engine.log.abandon()


def test_a_key_of_dkga04_cannot_be_read_out_of_the_token(tmp_path: Path) -> None:
    import pkcs11

    with hsm.token(tmp_path) as soft:
        module = soft.module(tmp_path / "m")
        key = soft.token.key(f"{soft.slot.label} 0", pkcs11.KeyType.GENERIC_SECRET)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
        value = demonstration.public()["keys"][0]["value"]
        assert value not in (tmp_path / "m" / demonstration.KEY_FILE).read_text()
        module.engine.log.abandon()


def test_a_token_pulled_in_mid_run_gives_locked_and_comes_back(tmp_path: Path) -> None:
    with hsm.token(tmp_path) as soft:
        module = soft.module(tmp_path / "m")
        first = credit()
        tokens = module.issued(first).tokens
        size = module.engine.log.size
        shutil.move(soft.folder, tmp_path / "pulled")
        for _ in range(2):
            found = module.issue([credit(), management(action="meter-test", value=2), first])
            assert [getattr(f, "code", "issued") for f in found] == ["locked", "issued", "locked"]
        assert module.replay([first.order_id])[0].code == "locked"
        assert module.engine.log.size == size + 2, "what needs no key goes on, each request for itself"
        assert module.status().state == "ready"
        shutil.move(tmp_path / "pulled", soft.folder)
        assert module.issued(first).tokens == tokens
        assert module.issued(credit()).tokens
        module.engine.log.abandon()


def test_a_wrong_pin_is_locked(tmp_path: Path) -> None:
    with hsm.token(tmp_path) as soft:
        wrong = hsm.Token(soft.slot, "000000")
        with pytest.raises(TokenPulled) as locked:
            wrong.session()
        assert "000000" not in str(locked.value)
        assert "000000" not in repr(wrong)
