"""The named tuples that ops with several results return, by the names of the ops.

>>> import tritonnn as torch
>>> type(torch.max(torch.ones(2, 2), 0)) is torch.return_types.max
True
>>> torch.return_types.max.n_fields
2
"""

from __future__ import annotations

from typing import Any

from tritonnn._return_types import FIELDS, record

globals().update({name: record(name) for name in FIELDS})
all_return_types: list[Any] = [record(name) for name in FIELDS]
__all__ = ["all_return_types", "pytree_register_structseq", *FIELDS]


def pytree_register_structseq(cls: type) -> None:
    """Let records of a class be nodes of trees."""
    from tritonnn.utils import _pytree

    _pytree.register_record(cls)
