"""The entries that take uint16, uint32 and uint64, besides those that compute floating numbers of whole ones.

PyTorch stores, moves and converts these types and computes with few of its operations; the others refuse them. What an
entry of this list does with them it does on the CPU; `tests/parity/test_unsigned_parity.py` compares a list of common
operations, those that refuse included.
"""

from __future__ import annotations

_NAMES = """
    cat stack_contiguous to_copy copy_values fill_values where constant_pad_nd index_at put_at mul eq ne bitwise_and
    bitwise_or bitwise_xor isnan isfinite isinf isposinf isneginf round floor ceil trunc sum prod_dims any all cumsum
    cumprod sort unique_flat unique_rows unique_consecutive_rows mean var_dims embedding_lookup
    softmax log_softmax signbit
"""
TAKING_UNSIGNED = frozenset(_NAMES.split())
