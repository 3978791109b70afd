"""What takes complex32, the complex numbers of two float16: what only moves them, and what computes in complex64.

The others refuse them. The names are those that PyTorch's CPU computes with;
`tests/parity/test_half_complex_parity.py` compares a list of common operations, those that refuse included.
"""

from __future__ import annotations

_MOVING = "to_copy copy_values fill_values copied_over filled_over view_written"
_COMPUTING = """
    abs add addcmul all any cat conj_physical constant_pad_nd convolution convolution_weight_grad count_nonzero
    embedding_backward embedding_lookup eq flip index_add index_at index_copy index_fill index_select isfinite isinf
    isnan masked_fill masked_select mul ne neg nonzero_coordinates put_at rsub sgn slice_backward stack_contiguous
    sub tril triu var_dims where
"""

#: entries that are given complex32 as it is
MOVING_HALF_COMPLEX = frozenset(_MOVING.split())
#: entries that are called again with complex64, and whose results are rounded
TAKING_HALF_COMPLEX = frozenset(_COMPUTING.split())
