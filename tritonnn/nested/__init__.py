"""`torch.nested`: batches whose samples differ in shape, without padding.

A nested tensor of layout torch.jagged has one ragged dimension; of layout torch.strided, the older one, components may
differ in every dimension, and fewer ops take it. Ops that have nothing for nested tensors say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import jagged, strided
from tritonnn.memory_format import layout as Layout
from tritonnn.nested import _rules  # answers the calls
from tritonnn.nested._layouts import make_jagged
from tritonnn.nested._making import indices, jagged_of_components, strided_of
from tritonnn.nested._structure import Ragged
from tritonnn.nested._tensor import NestedTensor
from tritonnn.ops.creation.from_data import as_tensor

__all__ = [
    "as_nested_tensor", "masked_select", "narrow", "nested_tensor", "nested_tensor_from_jagged", "to_padded_tensor",
]  # fmt: skip


def _known_layout(name: str, layout: Layout | None) -> Layout:
    if layout is not None and layout is not strided and layout is not jagged:
        raise RuntimeError(f"{name}: Specified layout is unsupported for nested tensors: {layout}")
    return layout or strided


def _nested(parts: Sequence[Tensor], layout: Layout) -> Any:
    return jagged_of_components(parts) if layout is jagged else strided_of(parts)


def nested_tensor(
    tensor_list: Any, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A nested tensor that holds copies of the components, and is a leaf.

    Args:
        tensor_list: tensors, or what `torch.tensor` makes tensors of.
        dtype, device: those of the result; by default those of the components.
        layout: torch.strided by default, or torch.jagged: components may then differ in one dimension only.
        requires_grad: whether what is computed with it is recorded.
        pin_memory: whether the values lie in page-locked memory.

    Raises:
        RuntimeError: components that do not fit together. TypeError: no list.

    >>> import tritonnn as torch
    >>> parts = [torch.tensor([1., 2.]), torch.tensor([3., 4., 5.])]
    >>> torch.nested.nested_tensor(parts)
    nested_tensor([
      tensor([1., 2.]),
      tensor([3., 4., 5.])
    ])
    >>> x = torch.nested.nested_tensor(parts, layout=torch.jagged)
    >>> x.dim(), x.values(), x.offsets()
    (2, tensor([1., 2., 3., 4., 5.]), tensor([0, 2, 5]))
    """
    layout = _known_layout("nested_tensor", layout)
    if layout is strided and not isinstance(tensor_list, list):
        raise TypeError(f"nested_tensor: expected a list of tensors, got {type(tensor_list).__name__}")
    parts = [as_tensor(part, dtype=dtype, device=device).detach() for part in tensor_list]
    if layout is strided:
        parts = [part.to(parts[0].dtype) for part in parts]
    made = _nested(parts, layout)
    if len(parts) == 1:
        made = made.clone()  # one alone was not copied
    if not parts:
        made = made.to(device, dtype) if device is not None else made.to(dtype or made.dtype)
    if pin_memory:
        made = made.pin_memory()
    return made.requires_grad_() if requires_grad else made


def as_nested_tensor(
    ts: Any, dtype: DType | None = None, device: DeviceLike | None = None, layout: Layout | None = None
) -> Tensor:
    """A nested tensor of components through which gradients flow back to them.

    Args:
        ts: a list or tuple of tensors, a dense tensor (B, ...) whose rows are the components, or a nested tensor.
        dtype, device: those of the result.
        layout: torch.strided by default, or torch.jagged.

    Raises:
        RuntimeError: components that do not fit together, or a nested tensor of the other layout.
        TypeError: `ts` is something else.

    >>> import tritonnn as torch
    >>> a, b = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> (torch.nested.as_nested_tensor([a, b], layout=torch.jagged) * 3).sum().backward()
    >>> a.grad, b.grad
    (tensor([3., 3.]), tensor([3.]))
    """
    layout = _known_layout("as_nested_tensor", layout)
    if isinstance(ts, NestedTensor):
        if ts.layout is not layout:
            raise RuntimeError(
                "as_nested_tensor(): Converting between nested tensor layouts is not supported: "
                f"{ts.layout} to {layout}"
            )
        return ts.to(ts.device if device is None else device, ts.dtype if dtype is None else dtype)
    dense = isinstance(ts, Tensor)
    if not dense and (not isinstance(ts, (list, tuple)) or not all(isinstance(part, Tensor) for part in ts)):
        raise TypeError(
            "as_nested_tensor(): Expected first argument to be a tensor or a list / tuple of tensors"
        )
    if dense and ts.dim() < 2:
        raise RuntimeError(f"as_nested_tensor(): Expected tensor argument to have dim() > 1, got {ts.dim()}")
    parts = [
        part.to(part.device if device is None else device, part.dtype if dtype is None else dtype)
        for part in (ts.unbind(0) if dense else ts)
    ]
    return _nested(parts, layout)


def nested_tensor_from_jagged(
    values: Tensor, offsets: Tensor | None = None, lengths: Tensor | None = None, jagged_dim: int | None = None,
    min_seqlen: int | None = None, max_seqlen: int | None = None,
) -> Tensor:  # fmt: skip
    """A jagged view of values in which the components lie one after another.

    Args:
        values: a dense tensor, of which the components are parts.
        offsets: (B + 1,) integers: where each component begins, and the last ends.
        lengths: (B,) integers: how long each one is. With offsets as well, what follows in the values up to the next
            one is a hole.
        jagged_dim: the ragged dimension, counted with the batch; 1 by default.
        min_seqlen, max_seqlen: the smallest and the largest length. They are found out where they are asked for.

    Raises:
        RuntimeError: neither offsets nor lengths are given. ValueError, IndexError: a dimension that there is not.

    >>> import tritonnn as torch
    >>> x = torch.nested.nested_tensor_from_jagged(torch.arange(5.0), torch.tensor([0, 2, 5]))
    >>> x.unbind()
    (tensor([0., 1.]), tensor([2., 3., 4.]))
    """
    for name, given in (("values", values), ("offsets", offsets), ("lengths", lengths)):
        if (given is None and name == "values") or (given is not None and not isinstance(given, Tensor)):
            raise TypeError(f"nested_tensor_from_jagged: {name} must be Tensor, not {type(given).__name__}")
    if isinstance(values, NestedTensor):
        raise ValueError("nested_tensor_from_jagged: expected values to be a dense tensor, got a nested one")
    dim = 1 if jagged_dim is None else jagged_dim
    if dim < 1:
        raise ValueError(f"Expected jagged_dim >=1, but got {dim}.")
    if dim > values.dim():
        raise IndexError(
            f"nested_tensor_from_jagged: values of {values.dim()} dimensions have no jagged_dim {dim}"
        )
    if offsets is None:
        if lengths is None:
            raise RuntimeError("nested_tensor_from_jagged(): At least one of offsets or lengths is required.")
        _check_numbers("lengths", lengths)
        offsets, lengths = _offsets_of(lengths), None
    _check_numbers("offsets", offsets)
    if lengths is not None:
        _check_numbers("lengths", lengths)
        if offsets.shape[0] != lengths.shape[0] + 1:
            raise AssertionError(
                f"offsets and lengths batch sizes must match: {offsets.shape[0]} offsets, {lengths.shape[0]} lengths"
            )
    return make_jagged(values, Ragged(offsets, lengths), dim)


def _offsets_of(lengths: Tensor) -> Tensor:
    sums: Any = lengths.to(dtypes.int64).cumsum(0)
    return sums.new_zeros((1 + sums.shape[0],)).slice_scatter(sums, 0, 1)


def _check_numbers(name: str, tensor: Tensor) -> None:
    if tensor.dim() != 1:
        raise AssertionError(f"{name} must be 1D, but got {tensor.dim()}D")
    if tensor.dtype not in (dtypes.int64, dtypes.int32) or (name == "offsets" and not tensor.shape[0]):
        raise RuntimeError(
            f"nested_tensor_from_jagged: expected {name} of int64 or int32, of at least one number, got {tensor.dtype} "
            f"of shape {tuple(tensor.shape)}"
        )


def narrow(
    tensor: Tensor, dim: int, start: int | Tensor, length: int | Tensor, layout: Layout = strided
) -> Tensor:
    """A nested view of a dense tensor: of each row b the places start[b] to start[b] + length[b].

    Args:
        tensor: dense, (B, T, ...).
        dim: 1 for torch.jagged; 0 for torch.strided, which takes rows start to start + length.
        start, length: numbers, or (B,) integers.
        layout: that of the result.

    Raises:
        RuntimeError: another dimension or layout, or starts and lengths that do not fit.

    >>> import tritonnn as torch
    >>> x = torch.arange(6.0).reshape(2, 3)
    >>> torch.nested.narrow(x, 1, torch.tensor([0, 1]), torch.tensor([1, 2]), layout=torch.jagged).unbind()
    (tensor([0.]), tensor([4., 5.]))
    """
    if layout is strided:
        if isinstance(start, Tensor) or isinstance(length, Tensor):
            raise RuntimeError("start and length must be integers for the strided layout NT impl")
        if dim != 0:
            raise RuntimeError(f"narrow(): only dim=0 supported for nested tensors, but got: {dim}")
        return strided_of(tensor.narrow(0, start, length).unbind(0))
    if layout is not jagged:
        raise RuntimeError(f"Specified layout is unsupported for nested narrow: {layout}")
    if dim != 1:
        raise RuntimeError(f"narrow: jagged layout only supports dim=1, got {dim}")
    batch, extent = tensor.shape[0], tensor.shape[1]
    given = []
    for name, value in (("start", start), ("length", length)):
        numbers: Any = value if isinstance(value, Tensor) else as_tensor(value, device=tensor.device)
        if numbers.dim() > 1 or numbers.numel() not in (1, batch) or numbers.dtype.kind != 1:
            raise RuntimeError(
                f"narrow: start and length must be integers, one or one for each of {batch} rows, got {name} of "
                f"{numbers.dtype} and shape {tuple(numbers.shape)}"
            )
        given.append(numbers.to(dtypes.int64).expand(batch))
    starts, lengths = given
    if bool(((starts < 0) | (lengths < 0) | (starts + lengths > extent)).any()):
        raise RuntimeError(
            f"narrow: start {starts.tolist()} and length {lengths.tolist()} reach beyond the {extent} places of dim 1"
        )
    first = indices([b * extent for b in range(batch)], tensor) + starts
    offsets = first.new_full((batch + 1,), batch * extent).slice_scatter(first, 0, 0, batch)
    return make_jagged(tensor.flatten(0, 1), Ragged(offsets, lengths.contiguous().clone()), 1)


def masked_select(tensor: Tensor, mask: Tensor) -> Tensor:
    """A jagged tensor (B, j1) of the elements of a dense one (B, T) that a mask selects, row by row.

    Raises:
        RuntimeError: the mask is not boolean, or does not broadcast.

    >>> import tritonnn as torch
    >>> x, mask = torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([[True, False], [True, True]])
    >>> torch.nested.masked_select(x, mask).unbind()
    (tensor([1.]), tensor([3., 4.]))
    """
    if tensor.layout is not strided or isinstance(tensor, NestedTensor):
        raise RuntimeError(f"torch.nested.masked_select requires a strided tensor, given {tensor.layout}")
    chosen = mask.expand(tensor.shape) if mask.dtype is dtypes.bool_ else mask
    values = tensor.masked_select(chosen)  # refuses what is no mask
    rows = chosen.reshape(-1, chosen.shape[-1]) if chosen.dim() > 1 else chosen.reshape(1, -1)
    return make_jagged(values, Ragged(_offsets_of(rows.sum(1)), None), 1)


def to_padded_tensor(
    input: Tensor, padding: float, output_size: Sequence[int] | None = None, out: Any = None
) -> Tensor:
    """A dense tensor of the components, filled up with `padding` to the longest one.

    Args:
        input: a nested tensor.
        padding: what fills up.
        output_size: the shape to fill up to. Of a jagged tensor the extent of the ragged dimension alone counts, and
            cuts longer components off.

    Raises:
        RuntimeError: a size that is too small, of layout torch.strided. NotImplementedError: `input` is not nested.

    >>> import tritonnn as torch
    >>> x = torch.nested.nested_tensor([torch.ones(1), torch.ones(3)])
    >>> torch.nested.to_padded_tensor(x, 0.0)
    tensor([[1., 0., 0.],
            [1., 1., 1.]])
    """
    if not isinstance(input, NestedTensor):
        raise NotImplementedError("to_padded_tensor: expected a nested tensor, got a dense one")
    return input.to_padded_tensor(padding, output_size, out)
