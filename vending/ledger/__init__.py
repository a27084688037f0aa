"""The ledger: double entry in money and in energy. An entry that does not balance cannot be constructed."""
