"""Ways to make nested tensors, for the comparison with PyTorch: name -> what makes one, given library and layout."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np


def tensor(library: Any, array: np.ndarray, dtype: str = "float32") -> Any:
    return library.tensor(array.tolist(), dtype=getattr(library, dtype)).reshape(array.shape)


def parts(t: Any, *shapes: Any, dtype: str = "float32") -> list[Any]:
    return [tensor(t, np.random.default_rng(i).normal(size=s).round(2), dtype) for i, s in enumerate(shapes)]


def row(t: Any) -> Any:
    return tensor(t, np.arange(30.0).reshape(3, 5, 2))


MADE: dict[str, Any] = {
    "list": lambda t, n, y: n.nested_tensor(parts(t, (2, 3), (4, 3)), layout=y),
    "second dimension": lambda t, n, y: n.nested_tensor(parts(t, (2, 3), (2, 5)), layout=y),
    "both dimensions": lambda t, n, y: n.nested_tensor(parts(t, (2, 3), (3, 5)), layout=y),
    "other dimensions": lambda t, n, y: n.nested_tensor(parts(t, (2, 3), (2,)), layout=y),
    "numbers": lambda t, n, y: n.nested_tensor([t.tensor(1.0), t.tensor(2.0)], layout=y),
    "nothing": lambda t, n, y: n.nested_tensor([], layout=y),
    "lists": lambda t, n, y: n.nested_tensor([[1, 2], [3]], layout=y),
    "dtype": lambda t, n, y: n.nested_tensor(parts(t, (2, 3), (4, 3)), layout=y, dtype=t.float64),
    "tuple": lambda t, n, y: n.nested_tensor(tuple(parts(t, (2, 3), (4, 3))), layout=y),
    "mixed types": lambda t, n, y: n.nested_tensor([t.ones(2), t.ones(3, dtype=t.int64)], layout=y),
    "mixed devices": lambda t, n, y: n.nested_tensor([t.ones(2), t.ones(3, device="meta")], layout=y),
    "no list": lambda t, n, y: n.nested_tensor(5, layout=y),
    "none": lambda t, n, y: n.nested_tensor([t.ones(2), None], layout=y),
    "layout": lambda t, n, y: n.nested_tensor(parts(t, (2, 3)), layout=t.sparse_coo),
    "grad of integers": lambda t, n, y: n.nested_tensor([t.ones(2, dtype=t.int64)], layout=y, requires_grad=True),
    "not contiguous": lambda t, n, y: n.nested_tensor([p.t() for p in parts(t, (3, 2), (3, 4))], layout=y),
    "every other": lambda t, n, y: n.nested_tensor([p[::2] for p in parts(t, (3, 2), (5, 2))], layout=y),
    "as of a list": lambda t, n, y: n.as_nested_tensor(parts(t, (2, 3), (4, 3)), layout=y),
    "as of a tuple": lambda t, n, y: n.as_nested_tensor(tuple(parts(t, (2, 3), (4, 3))), layout=y),
    "as of a tensor": lambda t, n, y: n.as_nested_tensor(row(t), layout=y),
    "as of a row": lambda t, n, y: n.as_nested_tensor(t.ones(3), layout=y),
    "as of lists": lambda t, n, y: n.as_nested_tensor([[1.0], [2.0, 3.0]], layout=y),
    "as of nested": lambda t, n, y: n.as_nested_tensor(
        n.nested_tensor(parts(t, (2, 3)), layout=y), t.float64, layout=y
    ),
    "as of the other": lambda t, n, y: n.as_nested_tensor(
        n.nested_tensor(parts(t, (2, 3)), layout=t.jagged if y is t.strided else t.strided), layout=y
    ),
    "narrow": lambda t, n, y: n.narrow(row(t), 1, t.tensor([0, 1, 2]), t.tensor([1, 0, 3]), layout=y),
    "narrow number": lambda t, n, y: n.narrow(row(t), 1, 1, t.tensor([1, 4, 3]), layout=y),
    "narrow numbers": lambda t, n, y: n.narrow(row(t), 1, 1, 2, layout=y),
    "narrow rows": lambda t, n, y: n.narrow(row(t), 0, 1, 2, layout=y),
    "narrow wrong": lambda t, n, y: n.narrow(row(t), 1, 0, t.tensor([1, 2]), layout=y),
    "narrow layout": lambda t, n, y: n.narrow(row(t), 1, 0, 2, layout=t.sparse_coo),
    "jagged": lambda t, n, y: n.nested_tensor_from_jagged(row(t)[0], t.tensor([0, 1, 1, 5])),
    "jagged int32": lambda t, n, y: n.nested_tensor_from_jagged(row(t)[0], t.tensor([0, 1, 5], dtype=t.int32)),
    "jagged lengths": lambda t, n, y: n.nested_tensor_from_jagged(row(t)[0], lengths=t.tensor([2, 3])),
    "jagged dim": lambda t, n, y: n.nested_tensor_from_jagged(row(t), t.tensor([0, 2, 5]), jagged_dim=2),
    "jagged nothing": lambda t, n, y: n.nested_tensor_from_jagged(row(t)),
    "jagged dim 0": lambda t, n, y: n.nested_tensor_from_jagged(row(t), t.tensor([0, 3]), jagged_dim=0),
    "jagged dim 9": lambda t, n, y: n.nested_tensor_from_jagged(row(t), t.tensor([0, 3]), jagged_dim=9),
    "jagged list": lambda t, n, y: n.nested_tensor_from_jagged(row(t), [0, 3]),
    "masked": lambda t, n, y: n.masked_select(row(t)[0], row(t)[0] > 3),
    "masked broadcast": lambda t, n, y: n.masked_select(row(t)[0], t.tensor([True, False])),
    "masked cube": lambda t, n, y: n.masked_select(row(t), row(t) > 11),
    "masked numbers": lambda t, n, y: n.masked_select(row(t), row(t)),
    "padded of dense": lambda t, n, y: n.to_padded_tensor(row(t), 0.0),
    "from mask": lambda t, n, y: t._nested_tensor_from_mask(row(t), t.arange(5) < t.tensor([[2], [0], [5]])),
    "from bad mask": lambda t, n, y: t._nested_tensor_from_mask(row(t), t.arange(5) > t.tensor([[2], [0], [5]])),
    "unchecked mask": lambda t, n, y: t._nested_tensor_from_mask(
        row(t), t.arange(5) > t.tensor([[2], [0], [5]]), False
    ),
    "from padded": lambda t, n, y: t._nested_from_padded(row(t), t.tensor([[2, 2], [1, 2], [5, 2]])),
    "printed": lambda t, n, y: re.sub(r"j\d+", "j", repr(n.nested_tensor(parts(t, (2, 3), (0, 3)), layout=y))),
    "printed grad": lambda t, n, y: re.sub(
        r"j\d+", "j", repr(n.nested_tensor(parts(t, (2, 3), (0, 3)), layout=y, requires_grad=True))
    ),
    "printed double": lambda t, n, y: re.sub(r"j\d+", "j", repr(n.nested_tensor(parts(t, (2,)), layout=y).double())),
    "pickle": lambda t, n, y: pickle.loads(pickle.dumps(n.nested_tensor(parts(t, (2, 3), (4, 3)), layout=y))),
}  # fmt: skip
