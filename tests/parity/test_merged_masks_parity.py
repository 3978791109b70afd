"""MultiheadAttention.merge_masks as PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch as reference

import tritonnn as torch


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("shape", [None, (3, 3), (4, 3, 3)])
def test_merged(shape: Any, padded: bool) -> None:
    results = []
    for library in (torch, reference):
        layer = library.nn.MultiheadAttention(4, 2)
        mask = (
            None
            if shape is None
            else library.arange(9 * (4 if len(shape) == 3 else 1)).reshape(shape) % 4 == 1
        )
        hidden = library.tensor([[False, False, True], [False, True, True]]) if padded else None
        merged, kind = layer.merge_masks(mask, hidden, library.zeros(2, 3, 4))
        results.append((None if merged is None else merged.tolist(), kind))
    assert results[0] == results[1]
