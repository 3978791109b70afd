"""Subscripts by name: index_put, and writing into what a view sees."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from tritonnn._levels import copied_for
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import tensors_only, whole_number
from tritonnn.ops._definitions import writing as definitions
from tritonnn.ops._table import ANY, Bad, Sample, called, composite, expose, written
from tritonnn.ops.indexing.subscript import MASKS, Parsed, getitem, index_tensors, parse
from tritonnn.ops.scatter.index_write import put_at
from tritonnn.ops.shape.shape import unsqueeze
from tritonnn.shape import wrap_dim


def _tensor_indices(input: Tensor, indices: Sequence[Any]) -> Parsed:
    """The indices of index_put, which are tensors."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            f"index_put(): argument 'indices' must be tuple of Tensors, not {type(indices).__name__}"
        )
    for i, item in enumerate(indices):
        if not isinstance(item, Tensor):
            raise TypeError(
                f"index_put(): argument 'indices' must be tuple of Tensors, but found element of type "
                f"{type(item).__name__} at pos {i}"
            )
    return parse(input, tuple(_at_least_1d(item) for item in indices))


def _at_least_1d(item: Tensor) -> Tensor:
    """A 0-d index would select; it is to index."""
    return item if item.shape or item.dtype in MASKS else unsqueeze(item, 0)


def _index_put(
    in_place: bool, input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool
) -> Tensor:
    if not input.shape and indices:
        raise fail(
            "index_put", f"too many indices for tensor of dimension 0 (got {len(indices)})", kind=IndexError,
            input=input,
        )  # fmt: skip
    parsed = _tensor_indices(input, indices)
    if not parsed.indices:
        raise fail("index_put", "expected at least one index tensor", kind=IndexError, input=input)
    positions, dims = index_tensors(parsed, parsed.view.shape)
    args = (parsed.view, positions, values, dims, bool(accumulate))
    if in_place:
        written(put_at.op, args)
        return input
    return called(put_at.op, args).reshape(input.shape)  # a 0-d mask is a dimension of the view


@composite(
    api="torch tensor", dtypes=ANY,
    samples=lambda make: [
        Sample(make(3, 4), (make.int(2, high=3),), make(4), True),
        Sample(make(3, 4), (make.int(5, high=3), make.int(5, high=4)), make(5), True),
        Sample(make(3, 4), (make.bool(3, 4),), make(())), Sample(make(3, 4), (make.bool(()) | True,), make(())),
    ],
    reference=definitions.index_put,
    errors=lambda make: [
        Bad(make(3), make.int(2), make(2), error=TypeError, match="'indices' .*must be tuple of Tensors, not Tensor"),
        Bad(make(3), ([0],), make(1), error=TypeError, match="found element of type list at pos 0"),
        Bad(make(3), (make.int(2, low=5, high=6),), make(2), error=IndexError, match="index 5 is out of bounds"),
        Bad(make(3, 4), (make.int(2, high=3),), make(3), match="cannot be broadcast to indexing result"),
        Bad(make(3), (None,), make(3), error=TypeError, match="found element of type NoneType at pos 0"),
        Bad(make(()), (make.bool(()),), make(()), error=IndexError, match="too many indices for tensor of dimension 0"),
    ],
)  # fmt: skip
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """The input with `values` at the positions that a tuple of index tensors (or masks) names.

    Args:
        accumulate: add to what is there; repeated positions add up.

    >>> import tritonnn as torch
    >>> torch.zeros(3).index_put((torch.tensor([0, 0, 2]),), torch.tensor(1.), accumulate=True)
    tensor([2., 0., 1.])
    """
    return _index_put(False, input, indices, values, accumulate)


@expose("torch tensor", of=index_put)
def index_put_(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """In-place version of `index_put`.

    >>> import tritonnn as torch
    >>> torch.index_put_(torch.zeros(3), (torch.tensor([0, 2]),), torch.tensor([5., 6.]))
    tensor([5., 0., 6.])
    """
    tensors_only("index_put_", input=input, values=values)
    return _index_put(True, input, indices, values, accumulate)


@expose("tensor")
def index(self: Tensor, m: Any) -> Tensor:
    """`self[m]`, by the name of older programs."""
    return getitem(self, m)


def _view_scatter(name: str, pick: Any, samples: Any, errors: Any, example: str) -> Any:
    def function(input: Tensor, src: Tensor, *where: Any, **named: Any) -> Tensor:
        tensors_only(name, input=input, src=src)
        result = copied_for(input, src)
        view = pick(result, *where, **named)
        if view.shape != src.shape:
            raise fail(
                name, f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice "
                f"size = {list(view.shape)}", input=input, src=src,
            )  # fmt: skip
        view.copy_(src)
        return result

    pick.__name__ = pick.__qualname__ = name  # what Python calls it where arguments do not fit
    own, where = inspect.signature(function), inspect.signature(pick)
    taken = [*list(own.parameters.values())[:2], *list(where.parameters.values())[1:]]
    function.__signature__ = own.replace(parameters=taken)  # type: ignore[attr-defined]
    function.__name__ = name
    seen = name.removesuffix("_scatter")
    function.__doc__ = f"A copy of the input with `src` embedded in what `{seen}` of it sees.\n\n{example}"
    function.__annotations__ = {"input": "Tensor", "src": "Tensor"}
    options = {
        "out": name == "slice_scatter",
        "samples": samples,
        "errors": errors,
        "reference": getattr(definitions, name),
    }
    return composite(api="torch tensor", dtypes=ANY, **options)(function)


def _slice(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    if not input.shape:
        raise fail(
            "slice_scatter", "slice() cannot be applied to a 0-dim tensor.", kind=IndexError, input=input
        )
    whole_number("slice_scatter", "dim", dim)
    whole_number("slice_scatter", "step", step)
    if step <= 0:
        raise fail("slice_scatter", f"slice step must be positive, got {step}", input=input)
    dim = wrap_dim(dim, len(input.shape))
    return getitem(input, (slice(None),) * dim + (slice(start, end, step),))


select_scatter = _view_scatter(
    "select_scatter",
    lambda x, dim, index: x.select(dim, index),
    lambda make: [Sample(make(3, 4), make(3), 1, -1)],
    lambda make: [
        Bad(make(3, 4), make(4), 1, 0, match="src to have a size equal to the slice of self"),
        Bad(make(3, 4), make(4), 2, 0, error=IndexError, match="Dimension out of range"),
        Bad(make(3, 4), make(4), 0, 3, error=IndexError, match="out of range"),
    ],
    ">>> import tritonnn as torch\n>>> torch.zeros(2, 2).select_scatter(torch.ones(2), 0, 1)\n"
    "tensor([[0., 0.],\n        [1., 1.]])",
)
slice_scatter = _view_scatter(
    "slice_scatter",
    _slice,
    lambda make: [Sample(make(5, 4), make(2, 4), 0, 1, 4, 2), Sample(make(2, 4), make(2, 2), 1, end=2)],
    lambda make: [
        Bad(make(5, 4), make(2, 4), 0, 1, 2, match="src to have a size equal to the slice of self"),
        Bad(make(5, 4), make(5, 4), 2, error=IndexError, match="Dimension out of range"),
        Bad(make(5, 4), make(5, 4), 0, step=0, match="slice step must be positive"),
        Bad(make(()), make(()), error=IndexError, match="cannot be applied to a 0-dim tensor"),
        Bad(make(5), 1, error=TypeError, match="'src' .*must be Tensor, not int"),
    ],
    ">>> import tritonnn as torch\n>>> torch.zeros(4).slice_scatter(torch.ones(2), 0, 1, 3)\ntensor([0., 1., 1., 0.])",
)
diagonal_scatter = _view_scatter(
    "diagonal_scatter",
    lambda x, offset=0, dim1=0, dim2=1: x.diagonal(offset, dim1, dim2),
    lambda make: [Sample(make(3, 4), make(3), 1)],
    lambda make: [
        Bad(make(3, 4), make(4), 1, match="src to have a size equal to the slice of self"),
        Bad(make(3, 4), make(3), 0, 0, 0, match="identical"),
        Bad(make(3, 4), make(3), 0, 0, 2, error=IndexError, match="Dimension out of range"),
    ],
    ">>> import tritonnn as torch\n>>> torch.zeros(2, 2).diagonal_scatter(torch.ones(2))\n"
    "tensor([[1., 0.],\n        [0., 1.]])",
)
