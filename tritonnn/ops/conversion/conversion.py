"""Copies: to another dtype, device, layout or size; other memory behind a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import determinism, dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn._levels import Batched
from tritonnn._tensor import Tensor, buffer_over, is_alone, make, make_view, replace_block
from tritonnn.device import CPU, DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dispatch import allocate, row_major, to_device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import BatchedOperand, Invalid, fail
from tritonnn.memory import Storage, resizing
from tritonnn.memory_format import channels_last, format_of, preserve_format, strides_as
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.ops._table import ANY, Bad, Out, Sample, attach, checked, composite, primitive
from tritonnn.ops.conversion._forms import parse_to
from tritonnn.ops.conversion.overwriting import refuse_shells, uninitialised
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.recording.refusals import check_recorded_write
from tritonnn.shape import Size
from tritonnn.table.sparse import with_sparse
from tritonnn.table.types import IntOrInts


@primitive(float8=True, dtypes=ANY, grad={"input": lambda g, input_device: g.to(input_device)})
def to_copy(input: Tensor, dtype: DType, device: Device, strides: tuple[int, ...] | None) -> Out:
    """A fresh tensor of the values of `input`; `strides` are of a dense result, None for row-major."""
    refuse_shells("to", input.dtype, dtype)
    return Out(input.shape, dtype, device, strides)


def copied(input: Tensor, dtype: DType, device: Device, strides: tuple[int, ...] | None) -> Tensor:
    """A copy as `dtype` on `device` with the given dense strides (None: row-major), recorded where gradients are."""
    if strides is not None and strides == shapes.contiguous_strides(input.shape):
        strides = None
    if dtype.kind < 2:
        input = input.detach()  # whole numbers have no history, so that of the input is not asked for
    if device is input.device or input.__class__ is Batched:
        try:
            return dispatch.call(to_copy.op, (input, dtype, device, strides))
        except BatchedOperand:
            return with_sparse(to_copy.op, (input, dtype, device, strides), {})
    result = to_device(input, device)
    if dtype is not input.dtype or strides is not None:
        result = dispatch.call(to_copy.op, (result, dtype, device, strides))
    if state.enabled:
        edge = edge_of(input)
        if edge is not None and dtype.kind >= 2:
            record(to_copy.op, (input, dtype, device, strides), (result,), [edge])
    return result


@composite(
    api="tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), dtypes.float64), Sample(make(2, 3), copy=True)],
    reference=lambda input, dtype=None, copy=False: input if dtype is None else input.astype(dtype.np),
    errors=lambda make: [
        Bad(
            make(2),
            [1.5],
            error=TypeError,
            match="expected a dtype, a device or a Tensor .position 1., not list",
        ),
        Bad(make(2), colour=1, error=TypeError, match="unexpected keyword argument 'colour'"),
        Bad(make(2), "gpu", match="gpu"),
    ],
)
def to(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`input` with another dtype and/or on another device; itself where nothing changes.

    Args:
        args: a dtype, a device, a device and a dtype, or a tensor (or a number) to take both from.
        non_blocking: let a copy between pinned host memory and the GPU run asynchronously.
        copy: copy even where nothing changes.
        memory_format: the layout of the result (default: the layout of `input`).

    >>> import tritonnn as torch
    >>> torch.tensor([1.5, -1.5]).to(torch.int64)
    tensor([ 1, -1])
    """
    if (
        len(args) == 1 and args[0].__class__ is DType and not kwargs
    ):  # the usual form, without a look at the others
        dtype, device, non_blocking, copy, format = args[0], None, False, False, None
    else:
        dtype, device, non_blocking, copy, format = parse_to(args, kwargs)
        dtype = dtypes.OF_PYTHON.get(dtype, dtype) or input.dtype
    target = input.device if device is None else resolve(device)
    if (
        dtype is input.dtype
        and target is input.device
        and not copy
        and (format in (None, preserve_format) or input.is_contiguous(memory_format=format))
    ):
        return input
    strides = strides_as(input) if format in (None, preserve_format) else format.strides(input.shape)
    if non_blocking and target is not input.device:
        from tritonnn.runtime.interface import runtime

        with runtime().non_blocking():
            return copied(input, dtype, target, strides)
    return copied(input, dtype, target, strides)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3)), Sample(make(2, 3).transpose(0, 1))],
    reference=lambda input: input.copy(),
    errors=lambda make: [
        Bad(make(2), memory_format=channels_last, match="tensor of rank 4|required rank 4"),
        Bad("a", error=TypeError, match="str"),
    ],
)
def clone(input: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """A copy, through which gradients flow.

    >>> import tritonnn as torch
    >>> x = torch.ones(2)
    >>> x.clone().mul_(2), x
    (tensor([2., 2.]), tensor([1., 1.]))
    """
    strides = (
        strides_as(input) if memory_format in (None, preserve_format) else memory_format.strides(input.shape)
    )
    return copied(input, input.dtype, input.device, strides)


@composite(
    api="tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3)), Sample(make(2, 3).transpose(0, 1))],
    reference=lambda input: np.ascontiguousarray(input),
    errors=lambda make: [
        Bad(make(2), memory_format=channels_last, match="required rank 4"),
    ],
)
def contiguous(input: Tensor, memory_format: MemoryFormat | None = None) -> Tensor:
    """`input` itself if it is row-major (or in the given format), else a copy that is."""
    if input.is_contiguous(memory_format):
        return input
    strides = None if memory_format is None else memory_format.strides(input.shape)
    return copied(input, input.dtype, input.device, strides)


def _to_type(name: str, dtype: DType) -> Any:
    def method(self: Tensor, memory_format: MemoryFormat | None = None) -> Tensor:
        if memory_format is not None:
            return to(self, dtype, memory_format=memory_format)
        return self if self.dtype is dtype else copied(self, dtype, self.device, strides_as(self))

    method.__name__ = name
    method.__doc__ = f"The values as {dtype!r}."
    return checked(method)


for _name, _dtype in {
    **dtypes.ALIASES,
    "bfloat16": dtypes.bfloat16,
    "char": dtypes.int8,
    "byte": dtypes.uint8,
}.items():
    setattr(Tensor, _name, _to_type(_name, _dtype))


def cpu(self: Tensor, memory_format: MemoryFormat | None = None) -> Tensor:
    """The values in host memory; itself if it is there."""
    return to(self, CPU, memory_format=memory_format)


def cuda(
    self: Tensor,
    device: DeviceLike | None = None,
    non_blocking: bool = False,
    memory_format: MemoryFormat | None = None,
    **old: Any,
) -> Tensor:
    """The values on a GPU (the current one by default); itself if it is there."""
    if "async" in old:
        non_blocking = old.pop("async")
    if old:
        raise TypeError(f"cuda() got an unexpected keyword argument '{next(iter(old))}'")
    target = Device("cuda") if device is None else Device(device)
    if target.type != "cuda":
        raise RuntimeError(f"cuda(): Invalid device, must be cuda device, got {target}")
    return to(self, target, non_blocking=non_blocking, memory_format=memory_format)


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The values with the dtype and on the device of another tensor."""
    return to(self, other)


attach(cpu=checked(cpu), cuda=checked(cuda), type_as=checked(type_as))


def resize_(
    self: Tensor,
    *sizes: int | Sequence[int],
    size: IntOrInts | None = None,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Give the tensor another shape in place, keeping the leading elements of its storage; row-major.

    Raises:
        RuntimeError: the tensor requires grad.
    """
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    dispatch.before_write(self)
    shape = Size(shapes.as_size(sizes or shapes.by_name("resize_", "size", size), "resize_"))
    if min(shape, default=0) < 0:
        raise fail("resize_", f"negative dimensions are not allowed, got sizes: {list(shape)}", input=self)
    if memory_format is preserve_format:
        raise fail("resize_", "Unsupported memory format preserve_format", input=self)
    if shape == self.shape and memory_format is None:
        return self
    strides = shapes.contiguous_strides(shape) if memory_format is None else memory_format.strides(shape)
    need = (self._offset + shapes.numel(shape)) * self.dtype.itemsize
    with resizing:
        held = self._storage.nbytes
        if need > held:
            alone = is_alone(self)
            resize_storage(self._storage, need, alone)
            if determinism.fills():
                _fill_from(self, held)
        self._buf = self._storage.buffer(tuple(shape), strides, self._offset, self.dtype)
        self._shape, self._stride = shape, strides
    dispatch.wrote(self, "resize_")
    return self


def _fill_from(input: Tensor, held: int) -> None:
    """Fill the part of a storage that lies beyond its first bytes."""
    first = held // input.dtype.itemsize
    whole = make(None, input._storage, Size((0,)), input.dtype, input.device)
    uninitialised(
        make_view(whole, Size((input._storage.nbytes // input.dtype.itemsize - first,)), (1,), first)
    )


def resize_storage(storage: Storage, nbytes: int, alone: bool = False) -> None:
    """Replace a storage's block by one of another size that starts with the same bytes.

    `alone`: no tensor looks into it but one whose buffer the caller makes anew, so that none is searched.
    """
    with resizing:
        resized = allocate(Size((nbytes,)), dtypes.uint8, storage.device)
        both = Size((min(storage.nbytes, nbytes),))
        if both[0] and storage.device.type != "meta":
            kept = make_view(make(None, storage, Size((0,)), dtypes.uint8, storage.device), both, (1,), 0)
            dispatch.copy_into(make_view(resized, both, (1,), 0), kept)
        if alone:
            storage.block, storage._bytes = resized._storage.block, None
        else:
            replace_block(storage, resized._storage.block)


def set_(
    self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None
) -> Tensor:
    """See another tensor's (or storage's) memory, with the given geometry, from now on.

    Raises:
        RuntimeError: the geometry reaches beyond the memory, the memory holds elements of another dtype, or the
            tensor is a leaf that requires grad. NotImplementedError: a gradient would have to pass.
    """
    if state.enabled:
        check_recorded_write(self)
        if self.requires_grad or (isinstance(source, Tensor) and source.requires_grad):
            raise NotImplementedError("derivative for aten::set_ is not implemented")
    dispatch.before_write(self)
    if source is None:
        _look_into(self, allocate(Size((0,)), self.dtype, self.device))
        return self
    if not isinstance(source, Tensor) and not hasattr(source, "_memory"):
        text = f"must be Tensor or storage, not {type(source).__name__}"
        raise TypeError(f"set_(): argument 'source' (position 1) {text}")
    untyped = not hasattr(source, "dtype")  # bytes serve every type
    if source.device is not self.device:
        raise fail(
            "set_",
            f'Attempted to set the storage of a tensor on device "{self.device}" to a storage on different device '
            f'"{source.device}". This is no longer allowed; the devices must match.',
            input=self,
        )
    if not untyped and source.dtype is not self.dtype:
        kinds = f"a tensor of type {source.dtype.name} to a tensor of type {self.dtype.name}"
        raise fail("set_", f"Could not set {kinds}", input=self)
    if isinstance(source, Tensor) and size is None:
        _look_into(self, source)
        return self
    storage = source._storage if isinstance(source, Tensor) else source._memory
    count = storage.nbytes // self.dtype.itemsize
    shape = Size((count - storage_offset,) if size is None else shapes.as_size((size,), "set_"))
    strides = shapes.contiguous_strides(shape) if stride is None else tuple(stride)
    try:
        shapes.check_geometry(shape, strides, storage_offset, self.dtype.itemsize, storage.nbytes)
    except Invalid as invalid:
        raise fail("set_", str(invalid), input=self) from None
    whole = make(None, storage, Size((count,)), self.dtype, storage.device)
    _look_into(self, make_view(whole, shape, strides, storage_offset))
    return self


def _look_into(input: Tensor, other: Tensor) -> None:
    """Take over another tensor's memory and geometry as an in-place write, which counts for this tensor alone."""
    dispatch.wrote(input, "set_")
    version = input._storage.version
    input._adopt(other)
    input._storage = Storage(other._storage.block, other.device)
    input._storage.version, input._storage.writer = version, "set_"


def pin_memory(self: Tensor, device: DeviceLike | None = None) -> Tensor:
    """A copy in page-locked host memory, from which transfers to the GPU can be asynchronous."""
    if self.device is not CPU:
        raise RuntimeError(f"cannot pin '{self.device}' memory: only dense CPU tensors can be pinned")
    if self.is_pinned():
        return self
    from tritonnn.runtime.interface import runtime

    array = runtime().pinned_empty(self.nbytes)
    storage = Storage(array, CPU)
    strides = shapes.contiguous_strides(self.shape)
    pinned = make(
        storage.buffer(tuple(self.shape), strides, 0, self.dtype), storage, self.shape, self.dtype, CPU
    )
    dispatch.copy_into(pinned, self)
    return pinned


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """`resize_` to the shape of another tensor."""
    if not isinstance(the_template, Tensor):
        text = f"argument 'the_template' (position 1) must be Tensor, not {type(the_template).__name__}"
        raise TypeError(f"resize_as_(): {text}")
    if memory_format is preserve_format:
        memory_format = format_of(the_template)
    return resize_(self, the_template.shape, memory_format=memory_format)


for _method in (resize_, resize_as_, set_, pin_memory):
    setattr(Tensor, _method.__name__, _method)


def deep_copy(self: Tensor, memo: dict) -> Tensor:
    """A copy of the storage seen with the same geometry; tensors that share a storage share its copy."""
    key = id(self._storage.block)
    storage = memo.get(key)
    if storage is None:
        whole = make(None, self._storage, Size((0,)), dtypes.uint8, self.device)
        everything = make_view(whole, Size((self._storage.nbytes,)), (1,), 0)
        storage = memo[key] = row_major(everything)._storage
    strides = self.stride()
    result = make(
        buffer_over(storage, self.shape, strides, self._offset, self.dtype),
        storage,
        self.shape,
        self.dtype,
        self.device,
    )
    result._stride, result._offset = self._stride, self._offset
    return result
