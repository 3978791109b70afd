"""The named tuples of `torch.return_types` as nodes of trees."""

from __future__ import annotations

from typing import Any

from tritonnn._return_types import FIELDS, record
from tritonnn.utils._pytree._keys import SequenceKey
from tritonnn.utils._pytree._nodes import register_pytree_node


def register_record(cls: Any) -> None:
    """Let records of a class, which is made of one sequence, be nodes, whose children are their values."""
    register_pytree_node(
        cls,
        lambda values: (list(values), None),
        lambda values, _: cls(values),
        flatten_with_keys_fn=lambda values: (
            [(SequenceKey(place), value) for place, value in enumerate(values)],
            None,
        ),
    )


for _name in FIELDS:
    register_record(record(_name))
