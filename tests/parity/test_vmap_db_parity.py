"""vmap over PyTorch's op database comes to the same in both libraries, by a rule wherever PyTorch has one."""

from __future__ import annotations

import pytest

pytest.importorskip("expecttest", reason="PyTorch's own test tools need it")

from vmap_db import ENTRIES, check
from vmap_known import KNOWN

# Of the families whose samples are batched by rules of their own some always, all others in the exhaustive tests.
ALWAYS = frozenset((
    "linalg.cholesky", "linalg.solve", "linalg.lu_factor", "linalg.pinv", "linalg.qr", "fft.fft2", "fft.irfft",
    "searchsorted", "masked_scatter", "index_put", "select_scatter", "matrix_exp", "nn.functional.pad",
    "nn.functional.max_unpool2d", "nn.functional.one_hot", "nn.functional.embedding_bag", "nn.functional.ctc_loss",
    "nn.functional.instance_norm", "nn.functional.dropout", "linspace", "argwhere", "zero_", "view",
))  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.exhaustive) for name in ENTRIES],
)
def test_entries(name):
    found = {finding.name: finding.detail for finding in check(name)}
    assert {key: detail for key, detail in found.items() if key not in KNOWN} == {}
    assert [key for key in KNOWN if key.split(": ")[0] == name and key not in found] == []


def test_lists_name_entries():
    assert set(ENTRIES) >= ALWAYS | {key.split(": ")[0] for key in KNOWN}
    assert not [key for key in KNOWN if key.endswith(": loop")]
