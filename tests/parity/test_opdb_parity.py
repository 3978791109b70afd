"""PyTorch's op database: its samples, forms and bad calls come to the same in both libraries.

`opdb.py` says how they are compared, `opdb_known.py` what differs and why, `opdb_missing.txt` which names are missing.
"""

from __future__ import annotations

import pytest

pytest.importorskip("expecttest", reason="PyTorch's own test tools need it")

from opdb import ENTRIES, INTERNAL, database, missing_names, verdict
from opdb_known import KNOWN, RANDOM, UNWRITTEN


@pytest.mark.parametrize("name", ENTRIES)
def test_entries(name):
    assert not verdict(name)


def test_lists_name_entries():
    full = {entry.full_name for entry in database.op_db}
    assert full >= INTERNAL
    assert set(ENTRIES) >= RANDOM | UNWRITTEN | {key.split(": ")[0] for key in KNOWN}
    assert all(KNOWN.values()) and not missing_names(), "no name of it is missing any more"
