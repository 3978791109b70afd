"""Tiles of the operators on boxes and regions: each one that is chosen is compiled."""

from __future__ import annotations

from itertools import product

import pytest

from tritonnn.kernels.check.compile import of_family
from tritonnn.kernels.tables.vision import (
    ALIGN_CANDIDATES,
    GATHER_CANDIDATES,
    choose_align,
    choose_gather,
    deform_channels,
    scan_warps,
)

CASES = list(of_family("vision"))


def _compiled(kernel: str, *names: str) -> set[tuple]:
    return {
        (*[case.constants[name] for name in names], case.num_warps)
        for case in CASES
        if case.kernel.__name__ == kernel
    }


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("kernel", ["roi_align_kernel", "roi_pool_kernel"])
def test_every_tile_of_regions_is_compiled(kernel, double):
    chosen = {
        choose_align(*how, double) for how in product((1, 16, 17, 49, 196), (1, 3, 17, 256), (False, True))
    }
    assert chosen <= set(ALIGN_CANDIDATES) and chosen <= _compiled(kernel, "BINS", "CHANNELS")


@pytest.mark.parametrize("double", [False, True])
def test_every_tile_of_elements_is_compiled(double):
    for places, kernel in ((False, "roi_align_gather_kernel"), (True, "roi_pool_gather_kernel")):
        chosen = {choose_gather(channels, double, places) for channels in (1, 8, 9, 256)}
        assert chosen <= set(GATHER_CANDIDATES) and chosen <= _compiled(kernel, "ROWS", "COLUMNS", "CHANNELS")


def test_every_candidate_is_compiled():
    assert set(ALIGN_CANDIDATES) <= _compiled("roi_align_kernel", "BINS", "CHANNELS")
    assert set(GATHER_CANDIDATES) <= _compiled("roi_align_gather_kernel", "ROWS", "COLUMNS", "CHANNELS")


def test_warps_and_channels():
    """Few warps for few boxes, and at most 8 words of a row in each thread."""
    words = [1 << k for k in range(13)]
    assert [scan_warps(n) for n in words] == [1] * 9 + [2, 4, 8, 16]
    assert {(n, scan_warps(n)) for n in words if n >= 256} <= _compiled("scan_kernel", "WORDS")
    assert {deform_channels(depth) for depth in range(100)} == {1, 2, 4, 8}
    assert {n for n, _ in _compiled("deform_columns_kernel", "CHANNELS")} == {1, 2, 4, 8}
