"""Making compressed tensors of their parts, and the checks of these."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._compressed import BY_ROWS, COMPRESSED, NAMES, OF_BLOCKS, make_compressed
from tritonnn._sparse import spelled, spelled_type
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_bsc, sparse_bsr, sparse_csc, sparse_csr
from tritonnn.ops.sparse.invariants import checked_by_default
from tritonnn.ops.sparse.making import part_of
from tritonnn.shape import Size

_INDICES = (dtypes.int32, dtypes.int64)


def _make(
    name: str, layout: Layout, starts: Any, places: Any, values: Any, size: Sequence[int] | None, dtype: DType | None,
    device: DeviceLike | None, requires_grad: bool, check_invariants: bool | None, pin: bool,
) -> Tensor:  # fmt: skip
    values = part_of(values, dtype, device)
    starts, places = (_index(part, values) for part in (starts, places))
    _look(layout, starts, places, values)
    shape = _inferred(layout, starts, places, values) if size is None else Size(shapes.as_size((size,), name))
    if min(shape, default=0) < 0:
        raise RuntimeError(f"{name}: numel: integer multiplication overflow: size is {list(shape)}")
    if len(shape) < 2:
        batch = len(starts._shape) - 1
        raise RuntimeError(
            f"{name}: tensor dimensionality must be sum of batch, base, and dense dimensionalities (={batch} + 2 + "
            f"{max(0, len(values._shape) - 1 - batch)}) but got {len(shape)}"
        )
    if checked_by_default(check_invariants):
        validate(layout, starts, places, values, shape)
    made: Any = make_compressed(starts, places, values, shape, layout)
    made = made.pin_memory() if pin else made
    return made.requires_grad_() if requires_grad else made


def _index(part: Any, values: Tensor) -> Tensor:
    """Index tensors stay of their type; numbers become 64-bit integers."""
    if isinstance(part, Tensor):
        return part.to(values._device)
    made = part_of(part, None, values._device)
    return made.to(dtypes.int64)


def _look(layout: Layout, starts: Tensor, places: Tensor, values: Tensor) -> None:
    """Refuse parts of which no tensor can be thought."""
    name, other = NAMES[layout in BY_ROWS]
    if not starts._shape:
        raise RuntimeError(f"{name} must have dimensionality >= 1 but got {len(starts._shape)}")
    if len(starts._shape) != len(places._shape):
        raise RuntimeError(
            f"{name} and {other} dimensionalities must be equal but got {len(starts._shape)} and {len(places._shape)}, "
            "respectively"
        )
    batch, block = len(starts._shape) - 1, 2 if layout in OF_BLOCKS else 0
    if len(values._shape) <= batch + block:
        raise RuntimeError(
            f"values must have dimensionality > sum of batch and block dimensionalities (={batch} + {block}) but got "
            f"{len(values._shape)}"
        )


def _inferred(layout: Layout, starts: Tensor, places: Tensor, values: Tensor) -> Size:
    batch = len(starts._shape) - 1
    block = tuple(values._shape[batch + 1 : batch + 3]) if layout in OF_BLOCKS else (1, 1)
    dense = values._shape[batch + (3 if layout in OF_BLOCKS else 1) :]
    lines = starts._shape[-1] - 1
    across = max(int(places.amax()) + 1, 0) if places.numel() else 0
    rows, columns = (lines, across) if layout in BY_ROWS else (across, lines)
    return Size((*starts._shape[:-1], rows * block[0], columns * block[1], *dense))


# ---- invariants -------------------------------------------------------------------------------------------


def validate(layout: Layout, starts: Tensor, places: Tensor, values: Tensor, shape: Size) -> None:
    """Raise RuntimeError where the parts are not those of a tensor of this layout and shape, by PyTorch's words."""
    _check_geometry(layout, starts, places, values, shape)
    _check_types(layout, starts, places)
    if not starts.is_meta:
        _check_order(layout, starts, places, shape, values)


def _check_geometry(layout: Layout, starts: Tensor, places: Tensor, values: Tensor, shape: Size) -> None:
    first, second = NAMES[layout in BY_ROWS]
    batch = len(starts._shape) - 1
    block = tuple(values._shape[batch + 1 : batch + 3]) if layout in OF_BLOCKS else ()
    dense = len(values._shape) - batch - 1 - len(block)

    def need(holds: bool, text: str) -> None:
        if not holds:
            raise RuntimeError(text)

    need(
        len(starts._shape) == len(places._shape),
        f"{first} and {second} dimensionalities must be equal but got {len(starts._shape)} and "
        f"{len(places._shape)}, respectively",
    )
    need(
        len(shape) == batch + 2 + dense,
        "tensor dimensionality must be sum of batch, base, and dense dimensionalities "
        f"(={batch} + 2 + {dense}) but got {len(shape)}",
    )
    outer = [list(part[:batch]) for part in (starts._shape, places._shape, values._shape, shape)]
    need(
        all(extents == outer[0] for extents in outer),
        f"all batch dimensions of {first} (={outer[0]}), {second} (={outer[1]}), and values (={outer[2]}) must be "
        f"equal to tensor batch dimensions (={outer[3]})",
    )
    for i, extent in enumerate(block):
        need(
            extent > 0 and shape[batch + i] % extent == 0,
            f"tensor shape[{batch + i}] (={shape[batch + i]}) must be divisible with blocksize[{i}] (={extent}) as "
            "defined by values shape",
        )
    nnz = values._shape[batch]
    extents = [shape[batch + i] // (block[i] if block else 1) for i in range(2)]
    lines = extents[0] if layout in BY_ROWS else extents[1]
    what = ("row" if layout in BY_ROWS else "column") + (" blocks" if block else "s")
    need(
        starts._shape[-1] == lines + 1,
        f"{first}.shape[-1] must be equal to the number of {what} + 1 (={lines + 1}), but got {starts._shape[-1]}",
    )
    need(
        places._shape[-1] == nnz,
        f"{second}.shape[-1] must be equal to nnz (={nnz}) as defined by values.shape[{batch}], but got "
        f"{places._shape[-1]}",
    )


def _check_types(layout: Layout, starts: Tensor, places: Tensor) -> None:
    first, second = NAMES[layout in BY_ROWS]
    if starts._dtype is not places._dtype:
        raise RuntimeError(
            f"{first} and {second} must have the same dtype, bot got {spelled_type(starts._dtype)} and "
            f"{spelled_type(places._dtype)}, respectively"
        )
    if starts._dtype not in _INDICES:
        raise RuntimeError(
            f"{first} and {second} dtype must be Int or Long, but got {spelled_type(starts._dtype)}"
        )


def _check_order(layout: Layout, starts: Tensor, places: Tensor, shape: Size, values: Tensor) -> None:
    first, second = NAMES[layout in BY_ROWS]
    batch = len(starts._shape) - 1
    block = values._shape[batch + 1 : batch + 3] if layout in OF_BLOCKS else (1, 1)
    lines, across = ("nrows", "ncols") if layout in BY_ROWS else ("ncols", "nrows")
    which = 1 if layout in BY_ROWS else 0
    extent, nnz = shape[batch + which] // block[which], places._shape[-1]

    def need(wrong: Tensor, condition: str, of: Tensor, shown: str) -> None:
        """Say which element is the first that does not hold, where one does not."""
        if wrong.numel() and bool(wrong.any()):
            at = [int(i) for i in wrong.nonzero()[0].tolist()]
            raise RuntimeError(f"`{condition}` is not satisfied. Found {shown}{at} = {int(of[tuple(at)])}")

    if not math.prod(starts._shape):
        return
    need(starts[..., 0:1] != 0, f"{first}[..., 0] == 0", starts[..., 0:1], first)
    need(
        starts[..., -1:] != nnz, f"{first}[..., -1] == nnz", starts[..., -1:], f"nnz = {nnz} and last {first}"
    )
    need((places < 0) | (places >= extent), f"0 <= {second} < {across}", places, second)
    counts = starts[..., 1:] - starts[..., :-1]
    longest = extent
    need(
        (counts < 0) | (counts > longest), f"0 <= {first}[..., 1:] - {first}[..., :-1] <= {across}", counts,
        f"({first}[..., 1:] - {first}[..., :-1])",
    )  # fmt: skip
    from tritonnn.ops.sparse.spmm import lines_of

    if nnz > 1:
        of_line = lines_of(starts, nnz)
        same = of_line[..., 1:] == of_line[..., :-1]
        unsorted = same & (places[..., 1:] <= places[..., :-1])
        need(
            unsorted,
            f"{second}[..., {first}[..., i - 1]:{first}[..., i]] for all i = 1, ..., {lines} are sorted and distinct "
            "along the last dimension values", places[..., 1:], f"{second}[..., 1:]",
        )  # fmt: skip


# ---- what users call --------------------------------------------------------------------------------------


def _doc(layout: Layout, first: str, second: str) -> str:
    return f"""A sparse tensor of the layout torch.{layout.name}, of its parts.

    Args:
        {first}: where each {first[1:4]} begins in the list of values (*batch, number + 1).
        {second}: the other index of each value (*batch, nnz).
        values: (*batch, nnz{", *block" if layout in OF_BLOCKS else ""}, *dense extents).
        size: the shape; by default the smallest that holds the indices.
        dtype, device: by default those of the values.
        layout: this one.
        pin_memory: whether to put the parts into page-locked memory.
        requires_grad: whether to record what is computed with it.
        check_invariants: look at the parts; by default what `torch.sparse.check_sparse_tensor_invariants` says.

    Raises:
        RuntimeError: parts that do not fit each other, where they are looked at.

    >>> import tritonnn as torch
    >>> torch.{layout.name}_tensor([0, 1, 2], [0, 1], torch.ones(2{", 1, 1" if layout in OF_BLOCKS else ""})).to_dense()
    tensor([[1., 0.],
            [0., 1.]])
    """


def _constructor(layout: Layout) -> Callable[..., Tensor]:
    name = f"{layout.name}_tensor"
    first, second = NAMES[layout in BY_ROWS]
    given_names = first, second, "values", "size"

    def make(
        *args: Any, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
        pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None, **named: Any,
    ) -> Tensor:  # fmt: skip
        parts = dict(zip(given_names, args))
        if len(args) > 4 or not named.keys() <= set(given_names) - parts.keys():
            raise TypeError(f"{name}() received an invalid combination of arguments: {[*args, *named]}")
        parts |= named
        if not {first, second, "values"} <= parts.keys():
            raise TypeError(
                f"{name}() received an invalid combination of arguments: it takes {first}, {second}, values, perhaps "
                f"size, and got {sorted(parts)}"
            )
        if layout not in (None, own):
            raise RuntimeError(f"{name}: layout must be {spelled(own)} but got {spelled(layout)}")
        return _make(
            name, own, parts[first], parts[second], parts["values"], parts.get("size"), dtype, device, requires_grad,
            check_invariants, pin_memory,
        )  # fmt: skip

    own = layout
    make.__name__ = make.__qualname__ = name
    make.__doc__ = _doc(layout, first, second)
    return make


sparse_csr_tensor = _constructor(sparse_csr)
sparse_csc_tensor = _constructor(sparse_csc)
sparse_bsr_tensor = _constructor(sparse_bsr)
sparse_bsc_tensor = _constructor(sparse_bsc)


def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Sequence[int] | None = None, *,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    pin_memory: bool = False, requires_grad: bool = False, check_invariants: bool | None = None,
) -> Tensor:  # fmt: skip
    """A sparse tensor of any compressed layout, of its parts.

    Args:
        compressed_indices: where each row (or column) begins in the list of values (*batch, number + 1).
        plain_indices: the other index of each value (*batch, nnz).
        values: (*batch, nnz, *block, *dense extents).
        size: the shape; by default the smallest that holds the indices.
        dtype, device: by default those of the values.
        layout: torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr or torch.sparse_bsc.
        pin_memory: whether to put the parts into page-locked memory.
        requires_grad: whether to record what is computed with it.
        check_invariants: look at the parts; by default what `torch.sparse.check_sparse_tensor_invariants` says.

    Raises:
        RuntimeError: another layout; parts that do not fit each other, where they are looked at.

    >>> import tritonnn as torch
    >>> torch.sparse_compressed_tensor([0, 1, 2], [0, 1], [1., 2.], layout=torch.sparse_csc).to_dense()
    tensor([[1., 0.],
            [0., 2.]])
    """
    if layout not in COMPRESSED:
        got = "none" if layout is None else spelled(layout)
        raise RuntimeError(f"sparse_compressed_tensor expected sparse compressed tensor layout but got {got}")
    return _make(
        "sparse_compressed_tensor", layout, compressed_indices, plain_indices, values, size, dtype, device,
        requires_grad, check_invariants, pin_memory,
    )  # fmt: skip
