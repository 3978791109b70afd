"""Tensor: a storage seen with a shape, strides, an offset and a dtype, with a place in the autograd graph.

Only what a tensor *is* stands here. What can be computed with it is in `ops/`, which attaches the methods.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from operator import attrgetter
from sys import getrefcount
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from tritonnn import shape as shapes
from tritonnn.buffer import Missing
from tritonnn.device import DeviceLike, runtime
from tritonnn.device import device as Device
from tritonnn.dtypes import SHELLS, complex32, pairs_as_complex
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.memory import TRANSFORM, Storage
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.memory_format import strided
from tritonnn.shape import Size

V = TypeVar("V")
_new = object.__new__

if TYPE_CHECKING:
    from tritonnn._methods import Methods  # what is attached by the op table and `_tensor_methods.py`
else:
    Methods = object


def _always(value: V) -> V:
    """A property that is the same for every tensor."""
    return property(lambda self: value, doc=f"Always {value}.")  # type: ignore[return-value]


class Tensor(Methods):
    """An n-dimensional array with a dtype and a device; made by `torch.tensor`, `torch.zeros`, and every op.

    Attributes:
        shape: extents, a `torch.Size`.
        dtype: the type of the elements.
        device: where the memory lies.

    >>> import tritonnn as torch
    >>> x = torch.tensor([[1., 2.], [3., 4.]], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_base",
        "_buf",
        "_device",
        "_dtype",
        "_node",
        "_rg",
        "_shape",
        "_storage",
    )

    # What a backend is handed: an ndarray on the CPU, a Buffer on the GPU. Made once per tensor, not per call.
    _buf: Any
    _storage: Storage
    _shape: Size
    _dtype: DType
    _device: Device
    _rg: bool  # requires_grad
    _node: Any  # the graph's Node, what computed it; None for leaves
    _base: Tensor | None  # the tensor a differentiable view looks into

    # Defaults of what most tensors never have; an instance that has one keeps it in its __dict__.
    _stride: tuple[int, ...] | None = None  # None: row-major
    _offset: int = 0  # elements from the start of the storage
    _out_nr: int = 0  # which result of `_node` it is
    _grad: Tensor | None = None
    _grad_dtype: Any = ...  # of the gradient; None: any
    _hooks: dict[int, Callable] | None = None  # of leaves; those of other tensors stand on their node
    _post_accumulate_hooks: dict[int, Callable] | None = None
    _accumulate_hooks: dict[str, dict[int, Callable]] | None = None  # those of the leaf's AccumulateGrad
    _retains_grad: bool = False
    _creation: str | None = None  # how a view came to be whose writes its base's graph cannot follow
    _view_version: int = 0  # storage version at which a view's graph was last right
    _shared: bool = False  # a gradient that user code may hold as well: no tensor may own it
    name: str | None = None

    # What a tensor is cannot be assigned (`_tensor_methods.py` refuses). A property takes 20 ns more to read than a
    # slot: the way of a call through dispatch reads the slots.
    if TYPE_CHECKING:

        @property
        def shape(self) -> Size: ...
        @property
        def dtype(self) -> DType: ...
        @property
        def device(self) -> Device: ...

    else:
        shape = property(attrgetter("_shape"), doc="Extents, a `torch.Size`.")
        dtype = property(attrgetter("_dtype"), doc="The type of the elements.")
        device = property(attrgetter("_device"), doc="Where the memory lies.")

    layout: Layout = _always(strided)
    is_sparse = _always(False)
    is_sparse_csr = _always(False)
    is_quantized = _always(False)
    is_nested = _always(False)
    is_mkldnn = _always(False)
    is_mps = _always(False)
    is_xpu = _always(False)

    # NumPy's operators give way to ours: `ndarray + Tensor` calls Tensor.__radd__.
    __array_priority__ = 1000

    # ---- geometry -------------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    def dim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    ndimension = dim

    @overload
    def size(self) -> Size: ...
    @overload
    def size(self, dim: int) -> int: ...
    def size(self, dim: int | None = None) -> Size | int:
        """The shape, or the extent of one dimension.

        >>> import tritonnn as torch
        >>> torch.zeros(2, 3).size(-1)
        3
        """
        return self._shape if dim is None else self._shape[_wrap("size", dim, len(self._shape))]

    @overload
    def stride(self) -> tuple[int, ...]: ...
    @overload
    def stride(self, dim: int) -> int: ...
    def stride(self, dim: int | None = None) -> tuple[int, ...] | int:
        """Distance between neighbours of each dimension (or of one), in elements."""
        strides = self._stride
        if strides is None:
            strides = shapes.contiguous_strides(self._shape)
        return strides if dim is None else strides[_wrap("stride", dim, len(strides))]

    def storage_offset(self) -> int:
        """Elements from the start of the storage to the first element."""
        return self._offset

    def numel(self) -> int:
        """Number of elements."""
        count = 1
        for extent in self._shape:
            count *= extent
        return count

    nelement = numel

    def element_size(self) -> int:
        """Bytes an element takes."""
        return self._dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes an element takes."""
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes the elements take."""
        return self.numel() * self._dtype.itemsize

    def is_contiguous(self, memory_format: MemoryFormat | None = None) -> bool:
        """Whether the elements lie row-major (or in the given memory format) without gaps."""
        if memory_format is not None and not hasattr(memory_format, "permutation"):
            raise wrong("is_contiguous", "memory_format", "torch.memory_format", memory_format)
        if memory_format is not None and memory_format.permutation is not None:
            return memory_format.matches(self._shape, self.stride())
        return self._stride is None or shapes.is_contiguous(self._shape, self._stride)

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self._storage.ptr() + self._offset * self._dtype.itemsize if self.numel() else 0

    def is_same_size(self, other: Tensor) -> bool:
        """Whether the shapes are equal."""
        if not isinstance(other, Tensor):
            raise wrong("is_same_size", "other", "Tensor", other)
        return self._shape == other._shape

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether both see the same memory with the same geometry."""
        if not isinstance(tensor, Tensor):
            raise wrong("is_set_to", "tensor", "Tensor", tensor)
        return (
            self._storage.block is tensor._storage.block
            and self._offset == tensor._offset
            and self._shape == tensor._shape
            and self.stride() == tensor.stride()
        )

    # ---- kind -----------------------------------------------------------------------------------------

    @property
    def is_cuda(self) -> bool:
        """Whether the memory lies on a GPU (the simulated one included)."""
        return self._device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the memory is the host's."""
        return self._device.type == "cpu"

    @property
    def is_meta(self) -> bool:
        """Whether there is only a shape and no memory."""
        return self._device.type == "meta"

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one."""
        return self._dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is a complex one."""
        return self._dtype.is_complex

    def is_conj(self) -> bool:
        """Whether it is conjugated when it is read: a view that `conj()` made."""
        return False

    def is_neg(self) -> bool:
        """Whether it is negated when it is read: the imaginary part of such a view."""
        return False

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self._dtype.is_signed

    def get_device(self) -> int:
        """Index of the GPU, -1 on the CPU."""
        return -1 if self._device.index is None else self._device.index

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def output_nr(self) -> int:
        """Which result of `grad_fn` it is."""
        return self._out_nr

    @property
    def _version(self) -> int:
        version = self._storage.version
        if version < 0:
            raise RuntimeError("Inference tensors do not track version counter.")
        return version % TRANSFORM

    def is_inference(self) -> bool:
        """Whether its memory was made in inference mode.

        >>> import tritonnn as torch
        >>> with torch.inference_mode():
        ...     x = torch.ones(2)
        >>> x.is_inference(), x.clone().is_inference()
        (True, False)
        """
        return self._storage.version < 0

    @property
    def data(self) -> Tensor:
        """The same memory outside the graph; writes through it are not seen by the version check."""
        storage = Storage(self._storage.block, self._storage.device)
        version = self._storage.version
        storage.version = version if version < 0 else version - version % TRANSFORM
        savers = getattr(self._storage, "savers", None)
        if savers:
            storage.savers = savers
        return self._alias(storage)

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        if other._dtype.kind < 2 and self._rg:
            raise RuntimeError(
                "data set to a tensor that requires gradients must be floating point or complex dtype, not "
                f"{other._dtype}"
            )
        self._adopt(other)

    @data.deleter
    def data(self) -> None:
        raise RuntimeError("Deleting tensor data is not allowed. Delete tensor instead!")

    def detach(self) -> Tensor:
        """The same memory outside the graph; in-place writes through either are seen by the version check."""
        return self._alias(self._storage)

    def detach_(self) -> Tensor:
        """Cut it from the graph, making it a leaf that requires no gradient.

        Raises:
            RuntimeError: it is a view of another tensor.
        """
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._base, self._rg, self._out_nr = None, None, False, 0
        self._retains_grad = False
        return self

    # ---- memory ---------------------------------------------------------------------------------------

    def _alias(self, storage: Storage) -> Tensor:
        """The same geometry over `storage` as a plain leaf."""
        if self._stride is None and not self._offset:
            return make(self._buf, storage, self._shape, self._dtype, self._device)
        where = self._stride, self._offset
        return _strided(self._buf, storage, self._shape, *where, self._dtype, self._device)

    def _adopt(self, other: Tensor) -> None:
        """Take over another tensor's memory and geometry (the autograd fields stay)."""
        self._buf, self._storage, self._shape = other._buf, other._storage, other._shape
        self._dtype, self._device = other._dtype, other._device
        self._stride, self._offset = other._stride, other._offset

    def _resolved(self) -> Tensor:
        """Itself, whose elements are those of its memory; of what is conjugated when it is read, a copy that is not."""
        return self

    def _is_view(self) -> bool:
        return self._base is not None

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return self._device.type == "cuda" or getattr(self._storage.block, "shared_name", None) is not None

    def record_stream(self, s: Any) -> None:
        """Note that the `torch.cuda.Stream` `s` uses the memory: it is reused only after what is queued there by then.

        Raises:
            RuntimeError: the tensor is not on a GPU.
        """
        if self._device.type != "cuda":
            raise RuntimeError(f"record_stream: expected a tensor on a GPU, got one on {self._device}")
        self._storage.block.record_stream(s.cuda_stream)

    def is_pinned(self, device: DeviceLike | None = None) -> bool:
        """Whether the host memory is page-locked, so that copies to the GPU can be asynchronous."""
        if device is not None:
            Device(device)
        return getattr(self._storage.block, "pinned", False)

    # ---- to Python and NumPy --------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The memory as an ndarray that shares it.

        Args:
            force: detach and copy to the host where needed, instead of refusing.

        Raises:
            RuntimeError: the tensor requires grad. TypeError: it lies on a GPU, or its dtype has no ndarray type.
        """
        if not isinstance(force, (bool, np.bool_)):
            raise TypeError(f"numpy(): argument 'force' must be bool, not {type(force).__name__}")
        if force:
            return host_array(self.detach())
        if self._recorded:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if self._device.type != "cpu":
            raise TypeError(
                f"can't convert {self._device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                "host memory first."
            )
        if self._buf.__class__ is Missing:
            self._buf.refuse()
        if self._dtype in _UNREAD:
            raise TypeError(f"Got unsupported ScalarType {self._dtype.name}: NumPy has no such type")
        return self._buf

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self._device.type == "cpu" and self._buf.size == 1 and self._dtype not in _UNREAD:
            value = self._buf.item()
            return value if value.__class__ in _PYTHON_NUMBERS else float(value)
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        value = numbers(self).item()
        return value if value.__class__ in _PYTHON_NUMBERS else float(value)

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers (a number for a 0-d tensor)."""
        array = numbers(self)
        return array.astype(np.float32).tolist() if array.dtype.kind == "V" else array.tolist()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            kind = "no values" if self.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self._real_number("double"))

    def __int__(self) -> int:
        return int(self._real_number("int64_t"))

    def __complex__(self) -> complex:
        return complex(self._number())

    def _number(self) -> Any:
        if self.numel() != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars, and this one has shape "
                f"{list(self._shape)}. Hint: .tolist() gives all its numbers"
            )
        return self.item()

    def _real_number(self, wanted: str) -> Any:
        value = self._number()
        if value.__class__ is complex:
            if value.imag:
                raise RuntimeError(
                    f"value cannot be converted to type {wanted} without overflow: {value} has an imaginary part"
                )
            return value.real
        return value

    def __index__(self) -> int:
        if self._dtype.kind > 1 or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of a 0-d tensor")
        return self._shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        if isinstance(element, (Tensor, int, float, complex)):
            return bool((self == element).any())
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
        )

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        return (
            format(self.item(), spec)
            if not self._shape and self._device.type != "meta"
            else object.__format__(self, spec)
        )

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__})


_PYTHON_NUMBERS = frozenset((float, int, bool, complex))


def make(buf: Any, storage: Storage, shape: Size, dtype: DType, device: Device) -> Tensor:
    """A plain leaf over a buffer; `shape` must be a Size and the geometry row-major at offset 0."""
    tensor = _new(Tensor)
    tensor._buf = buf
    tensor._shape = shape
    tensor._dtype = dtype
    tensor._device = device
    tensor._rg = False
    tensor._node = None
    tensor._base = None
    tensor._storage = storage
    return tensor


def _strided(
    buf: Any, storage: Storage, shape: Size, stride: Any, offset: int, dtype: DType, device: Device
) -> Tensor:
    """`make` with any geometry.

    The storage comes last: by it `replace_block`, in another thread, finds the tensor, and then reads the rest.
    """
    tensor = _new(Tensor)
    tensor._stride = stride
    tensor._offset = offset
    tensor._buf = buf
    tensor._shape = shape
    tensor._dtype = dtype
    tensor._device = device
    tensor._rg = False
    tensor._node = None
    tensor._base = None
    tensor._storage = storage
    return tensor


def make_view(
    source: Tensor, shape: Size, stride: tuple[int, ...], offset: int, dtype: DType | None = None
) -> Tensor:
    """Another geometry over a tensor's storage (stride and offset in elements)."""
    dtype = dtype or source._dtype
    storage = source._storage
    if source._buf.__class__ is Missing:
        buffer = buffer_over(storage, shape, stride, offset, dtype)
    else:
        buffer = storage.buffer(shape, stride, offset, dtype)
    return _strided(buffer, storage, shape, stride, offset, dtype, source._device)


def buffer_over(storage: Storage, shape: Size, stride: tuple[int, ...], offset: int, dtype: DType) -> Any:
    """`Storage.buffer` where the storage may have become too small for the geometry."""
    try:
        shapes.check_geometry(shape, stride, offset, dtype.itemsize, storage.nbytes)
    except Invalid as invalid:
        return Missing(str(invalid))
    return storage.buffer(tuple(shape), stride, offset, dtype)


_storage_of, _block_of = attrgetter("_storage"), attrgetter("_storage.block")


def is_alone(tensor: Tensor) -> bool:
    """Whether certainly nothing else looks into a tensor's memory; to be asked where no local refers to its storage."""
    if getrefcount(_storage_of(tensor)) > 2:  # the tensor's reference, and the argument's
        return False
    buffer, flat = tensor._buf, tensor._storage._bytes
    if buffer.__class__ is Missing:
        return False
    own = [id(buffer), id(flat)] + [id(getattr(buffer, name, None)) for name in ("base", "owner")]
    own.append(id(getattr(flat, "base", None)))
    del buffer, flat  # which may be the block
    return getrefcount(_block_of(tensor)) <= 2 + own.count(id(tensor._storage.block))


def replace_block(storage: Storage, block: Any) -> None:
    """Put another block behind a storage, and behind every tensor that looks into the old one.

    A tensor keeps its buffer, so that no call has to ask whether it is still right. Replacing is rare: the tensors are
    found among all objects.
    """
    old = storage.block
    if gc.get_freeze_count():
        gc.unfreeze()  # what is frozen would not be found, and would write into memory of its own
    storages = [s for s in gc.get_referrers(old) if type(s) is Storage and s.block is old]
    for sharing in storages:  # `Tensor.data` and `set_` make storages of their own over a block
        sharing.block, sharing._bytes = block, None
    ids = {id(sharing) for sharing in storages}
    for tensor in gc.get_referrers(*storages):
        if issubclass(type(tensor), Tensor) and id(getattr(tensor, "_storage", None)) in ids:
            geometry = tensor._shape, tensor.stride(), tensor._offset, tensor._dtype
            tensor._buf = buffer_over(tensor._storage, *geometry)


def from_array(array: np.ndarray, dtype: DType) -> Tensor:
    """A CPU tensor over an ndarray's memory (shared); the strides must be whole elements and not negative."""
    size = array.itemsize
    if array.size == 0 or array.flags.c_contiguous:
        return make(array, Storage(array, Device("cpu")), Size(array.shape), dtype, Device("cpu"))
    strides = tuple(s // size for s in array.strides)
    span = shapes.extent_in_elements(array.shape, strides)
    flat = np.lib.stride_tricks.as_strided(array, (span,), (size,))
    tensor = make(array, Storage(flat, Device("cpu")), Size(array.shape), dtype, Device("cpu"))
    tensor._stride = strides
    return tensor


def host_array(tensor: Tensor) -> np.ndarray:
    """The values as an ndarray on the host: the memory itself for a CPU tensor, a copy otherwise."""
    tensor = tensor._resolved()
    if tensor._device.type == "cpu":
        if tensor._buf.__class__ is Missing:
            tensor._buf.refuse()
        return tensor._buf
    if tensor._device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    source = tensor.detach().contiguous()
    array = np.empty(tuple(tensor._shape), tensor._dtype.np)
    if array.size:
        runtime().download(array, source._buf.ptr, tensor._device.index)
    return array


_UNREAD = frozenset((complex32, *SHELLS))  # what NumPy has no numbers for


def numbers(tensor: Tensor) -> np.ndarray:
    """The elements as numbers of NumPy: those of two float16 as complex64.

    Raises:
        NotImplementedError: they are bytes that stand for no numbers.
    """
    if tensor._dtype in SHELLS:
        raise NotImplementedError(
            f"elements of {tensor._dtype.name} are no numbers. Hint: .view(torch.uint8) shows the bytes"
        )
    array = host_array(tensor)
    return pairs_as_complex(array) if tensor._dtype is complex32 else array


def _wrap(op: str, dim: int, ndim: int) -> int:
    if dim.__class__ is not int and (isinstance(dim, bool) or not hasattr(dim, "__index__")):
        raise wrong(op, "dim", "int", dim)
    limit = ndim or 1
    if not -limit <= dim < limit:
        if not -(1 << 63) <= dim < 1 << 63:
            raise ValueError(f"{op}: Overflow when unpacking long long: argument 'dim' is {dim}")
        raise IndexError(
            f"{op}: Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})"
        )
    return dim


def wrong(op: str, name: str, wanted: str, value: Any) -> TypeError:
    """What is said of a first argument that is of another type."""
    return TypeError(f"{op}(): argument '{name}' (position 1) must be {wanted}, not {type(value).__name__}")


def set_requires_grad(tensor: Tensor, requires_grad: bool) -> Tensor:
    """Start (or stop) recording operations on a leaf; returns it."""
    if not isinstance(requires_grad, (bool, np.bool_)):
        raise wrong("requires_grad_", "requires_grad", "bool", requires_grad)
    if not requires_grad and tensor._node is not None:
        raise RuntimeError(
            "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
            "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
        )
    if requires_grad and tensor._dtype.kind < 2:
        raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
    tensor._rg = bool(requires_grad)
    return tensor


def check_grad(tensor: Tensor, grad: Tensor) -> None:
    """Refuse what cannot be the `.grad` of a tensor."""
    if not isinstance(grad, Tensor):
        raise TypeError(
            f"assigned grad expected to be a Tensor or None but got grad of type {type(grad).__name__}"
        )
    if grad is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if grad._shape != tensor._shape:
        raise RuntimeError(
            f"assigned grad has data of a different size: grad {tuple(grad._shape)}, tensor {tuple(tensor._shape)}"
        )
    wanted = tensor._dtype if tensor._grad_dtype is ... else tensor._grad_dtype
    if wanted is not None and grad._dtype is not wanted:
        raise RuntimeError(
            f"assigned grad has data of a different type: grad {grad._dtype}, tensor {tensor._dtype}"
            + (f" whose grad_dtype is {wanted}" if wanted is not tensor._dtype else "")
        )
    if grad._device is not tensor._device:
        raise RuntimeError(
            f"assigned grad has data located on a different device: {grad._device}, {tensor._device}"
        )
