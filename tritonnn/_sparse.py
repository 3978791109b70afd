"""Sparse tensors: those of which only some elements are there, as their places and their values; COO among them.

The compressed layouts are in `_compressed.py`.

What a sparse tensor *is* stands here. What can be computed with it is in `ops/sparse/`, which attaches the methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import SparseOperand
from tritonnn.memory import MetaBlock, Storage
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_coo
from tritonnn.shape import Size

HINT = "is not implemented for sparse tensors. Hint: .to_dense() makes a dense one"


class Sparse(Tensor):
    """What sparse tensors of all layouts are: values at some places, which are a dense tensor, `_entries`.

    Gradients flow through the values, which are a tensor as any other: the sparse tensor itself is no part of a graph.
    Of a sparse leaf the values are the leaf, and its `.grad` has their gradient at the same places
    (`ops/sparse/leaves.py`).
    There is no memory of all its elements: dispatch, which asks every operand for its buffer, is refused by `_buf`
    and `_stride`. So dense tensors pay nothing for there being sparse ones.
    """

    __slots__ = ("_entries", "_leaf", "_wholes")

    _entries: Tensor
    _leaf: bool  # it was made to require grad, and its values with it
    _wholes: tuple  # weak references to dense forms of a leaf whose gradients have elements at all places
    known: frozenset[str]  # names of the methods it has; those of Tensor that it has not are refused

    def __getattribute__(self, name: str) -> Any:
        # A method that a dense tensor has and this class has not would compute with memory that is not there.
        if name[0] == "_" or name in type(self).known or not hasattr(Tensor, name):
            return object.__getattribute__(self, name)
        return refusal(name) if callable(getattr(Tensor, name)) else refusal(name)()

    @property
    def _buf(self) -> NoReturn:
        raise SparseOperand(f"this {HINT}")

    _stride = _buf

    def data_ptr(self) -> int:
        """Refused: there is no memory of all elements."""
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    tolist = data_ptr

    def __contains__(self, element: object) -> bool:
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def numpy(self, *, force: bool = False) -> NoReturn:
        """Refused: there is no memory of all elements."""
        raise TypeError(
            f"can't convert {self._layout_name()} layout tensor to numpy. Use Tensor.to_dense() first."
        )

    def __bool__(self) -> bool:
        if self.numel() != 1:
            kind = "no values" if self.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
        return bool(self.to_dense())

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.to_dense().item()

    def _with_values(self, values: Tensor) -> Any:
        raise NotImplementedError

    def _replace(self, other: Any) -> Any:
        raise NotImplementedError

    def _layout_name(self) -> str:
        """The layout as PyTorch's errors spell it: Sparse, SparseCsr."""
        return spelled(self.layout)

    # ---- autograd -------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether the values require grad."""
        return self._entries.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @property
    def grad_fn(self) -> Any:
        """The graph node that computed the values; of a leaf None."""
        return self._entries.grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether nothing that requires grad computed it."""
        return self._leaf or not self._entries.requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Start, or stop, recording what is computed with it; a leaf's `.grad` is sparse, of the same places.

        Raises:
            RuntimeError: the values are neither floating nor complex, or were computed.
        """
        if not isinstance(requires_grad, bool):
            raise TypeError(
                "requires_grad_(): argument 'requires_grad' (position 1) must be bool, not "
                f"{type(requires_grad).__name__}"
            )
        if requires_grad and not self.requires_grad:
            self._entries = set_requires_grad(self._entries.detach(), True)
            self._leaf = True
        elif not requires_grad and self.requires_grad:
            if not self._leaf:
                return set_requires_grad(self._entries, False)  # refuses what is computed
            self.detach_()
        return self

    def detach_(self) -> Any:
        """Cut the values from the graph."""
        self._entries = self._entries.detach()
        self._leaf = False
        return self

    def _taken(self, entries: Tensor) -> None:
        """Take over values: what an in-place op ends with. A leaf stays one."""
        if self._leaf and state_of_values(entries):
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        leaf = self._leaf
        if leaf:
            _ = self.grad  # takes over what the values have received
        before, self._entries = self._entries, set_requires_grad(entries.detach(), True) if leaf else entries
        if leaf:
            for name in ("_hooks", "_post_accumulate_hooks", "_accumulate_hooks"):
                if (hooks := getattr(before, name)) is not None:
                    setattr(self._entries, name, hooks)
        self._storage.version += 1


def state_of_values(entries: Tensor) -> bool:
    """Whether values were computed while recording."""
    return entries._node is not None


class SparseTensor(Sparse):
    """Indices (sparse_dim, nnz) and values (nnz, *dense extents), both dense tensors; equal indices add up (COO)."""

    __slots__ = ("_coalesced", "_places")

    _places: Tensor
    _coalesced: bool

    layout: Layout = property(lambda self: sparse_coo, doc="Always torch.sparse_coo.")  # type: ignore[assignment]
    is_sparse = property(lambda self: True, doc="Always True.")

    # ---- geometry -------------------------------------------------------------------------------------

    def sparse_dim(self) -> int:
        """How many leading dimensions have indices."""
        return len(self._places)

    def dense_dim(self) -> int:
        """How many dimensions each value has."""
        return len(self._shape) - len(self._places)

    def stride(self, dim: int | None = None) -> Any:
        """Zeros: there is no memory in which neighbours would lie apart."""
        return (0,) * len(self._shape) if dim is None else 0

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Always False."""
        return False

    # ---- its parts ------------------------------------------------------------------------------------

    def _nnz(self) -> int:
        return self._places._shape[1]

    def _indices(self) -> Tensor:
        return self._places

    def _values(self) -> Tensor:
        return self._entries.detach() if self._entries.requires_grad else self._entries

    def indices(self) -> Tensor:
        """The indices (sparse_dim, nnz) of a coalesced tensor."""
        return self._part("indices", self._places)

    def values(self) -> Tensor:
        """The values (nnz, *dense extents) of a coalesced tensor."""
        return self._part("values", self._entries.view(self._entries.shape) if self._leaf else self._entries)

    def _part(self, name: str, part: Tensor) -> Tensor:
        if not self._coalesced:
            raise RuntimeError(f"Cannot get {name} on an uncoalesced tensor, please call .coalesce() first")
        return part

    def is_coalesced(self) -> bool:
        """Whether the indices are sorted and each stands there once."""
        return self._coalesced

    def _coalesced_(self, coalesced: bool) -> SparseTensor:
        self._coalesced = coalesced
        return self

    def _alias(self, storage: Storage) -> Tensor:
        return with_values(self, self._entries.detach())

    def _adopt(self, other: Tensor) -> None:
        if not isinstance(other, SparseTensor):
            raise NotImplementedError("setting .data of a sparse tensor to a dense one is not implemented")
        self._places, self._coalesced = other._places, other._coalesced
        self._entries = other._entries.detach()
        if self._leaf:
            self._entries = set_requires_grad(self._entries, True)
        self._shape, self._dtype, self._device, self._storage = (
            other._shape, other._dtype, other._device, other._storage,
        )  # fmt: skip

    def _replace(self, other: SparseTensor) -> SparseTensor:
        """Take over another's parts: what an in-place op ends with."""
        self._taken(other._entries)
        self._places, self._coalesced, self._shape = other._places, other._coalesced, other._shape
        return self


_SHARED = (
    "shape", "size", "dtype", "device", "ndim", "dim", "ndimension", "numel", "nelement", "element_size", "itemsize",
    "is_same_size", "is_cuda", "is_cpu", "is_meta", "is_floating_point", "is_complex", "is_conj", "is_neg",
    "is_signed", "get_device",
    "is_sparse", "is_sparse_csr", "is_quantized", "is_nested", "is_mkldnn", "is_mps", "is_xpu", "is_inference",
    "data", "detach", "output_nr", "name", "names", "known", "is_xla", "is_ipu", "is_mtia", "is_maia", "is_vulkan",
    "volatile", "is_distributed",
)  # fmt: skip


def settle(cls: type[Sparse]) -> None:
    """Note which names of Tensor a class of sparse tensors has."""
    own = [name for kind in (Sparse, cls) for name in vars(kind) if name[0] != "_"]
    cls.known = frozenset((*own, *_SHARED))


settle(SparseTensor)


def spelled(layout: Layout) -> str:
    """A layout as PyTorch's errors spell it: Strided, Sparse, SparseCsr."""
    word = layout.name.replace("_coo", "")
    return "".join(part.capitalize() for part in word.split("_"))


def spelled_type(dtype: DType) -> str:
    """A type of elements as PyTorch's errors spell it: Float, Long."""
    return _TYPES.get(dtype.name, dtype.name)


_TYPES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}  # fmt: skip


def refusal(name: str) -> Callable[..., NoReturn]:
    """What stands for a method that sparse tensors do not have."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"{name} {HINT}")

    return refuse


def attach(name: str, function: Any, cls: type[Sparse] = SparseTensor) -> None:
    """Give sparse tensors a method, or a property, of the name that dense ones have it under."""
    setattr(cls, name, function)
    cls.known |= {name}


def fill_in(tensor: Sparse, values: Tensor, shape: Size) -> None:
    """The fields that every tensor has."""
    tensor._entries, tensor._leaf, tensor._wholes = values, False, ()
    tensor._shape = shape
    tensor._dtype = values._dtype
    tensor._device = values._device
    tensor._rg = False
    tensor._node = None
    tensor._base = None
    tensor._storage = Storage(MetaBlock(0), values._device)


def make_sparse(indices: Tensor, values: Tensor, shape: Size, coalesced: bool) -> SparseTensor:
    """A sparse tensor of parts that fit each other."""
    tensor = object.__new__(SparseTensor)
    tensor._places = indices
    tensor._coalesced = coalesced or indices._shape[1] < 2  # as PyTorch: one entry is sorted
    fill_in(tensor, values, shape)
    return tensor


def with_values(tensor: Sparse, values: Tensor) -> Any:
    """Other values at the same places."""
    if isinstance(tensor, SparseTensor):
        return make_sparse(tensor._places, values, tensor._shape, False)._coalesced_(tensor._coalesced)
    return tensor._with_values(values)
