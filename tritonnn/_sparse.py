"""SparseTensor: a tensor of which only some elements are there, as their indices and their values (COO).

What a sparse tensor *is* stands here. What can be computed with it is in `ops/sparse/`, which attaches the methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn._tensor import Tensor
from tritonnn.errors import SparseOperand
from tritonnn.memory import MetaBlock, Storage
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_coo
from tritonnn.shape import Size

HINT = "is not implemented for sparse tensors. Hint: .to_dense() makes a dense one"


class SparseTensor(Tensor):
    """Indices (sparse_dim, nnz) and values (nnz, *dense extents), both dense tensors; equal indices add up.

    Gradients flow through the values, which are a tensor as any other: the sparse tensor itself is no part of a graph.
    There is no memory of all its elements: dispatch, which asks every operand for its buffer, is refused by `_buf`
    and `_stride`. So dense tensors pay nothing for there being sparse ones.
    """

    __slots__ = ("_coalesced", "_entries", "_places")

    _places: Tensor
    _entries: Tensor
    _coalesced: bool

    layout: Layout = property(lambda self: sparse_coo, doc="Always torch.sparse_coo.")  # type: ignore[assignment]
    is_sparse = property(lambda self: True, doc="Always True.")

    def __getattribute__(self, name: str) -> Any:
        # A method that a dense tensor has and this class has not would compute with memory that is not there.
        if name in KNOWN or name[0] == "_" or not hasattr(Tensor, name):
            return object.__getattribute__(self, name)
        return refusal(name) if callable(getattr(Tensor, name)) else refusal(name)()

    @property
    def _buf(self) -> NoReturn:
        raise SparseOperand(f"this {HINT}")

    _stride = _buf

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

    def data_ptr(self) -> int:
        """Refused: there is no memory of all elements."""
        raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")

    def numpy(self, *, force: bool = False) -> NoReturn:
        """Refused: there is no memory of all elements."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    # ---- its parts ------------------------------------------------------------------------------------

    def _nnz(self) -> int:
        return self._places._shape[1]

    def _indices(self) -> Tensor:
        return self._places

    def _values(self) -> Tensor:
        return self._entries

    def indices(self) -> Tensor:
        """The indices (sparse_dim, nnz) of a coalesced tensor."""
        return self._part("indices", self._places)

    def values(self) -> Tensor:
        """The values (nnz, *dense extents) of a coalesced tensor."""
        return self._part("values", self._entries)

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
        """The graph node that computed the values."""
        return self._entries.grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether it requires no grad: a sparse leaf that does is not implemented."""
        return not self._entries.requires_grad

    @property  # type: ignore[misc]
    def grad(self) -> None:
        """None: no gradients are accumulated for sparse tensors."""
        return None

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Stop recording; a sparse leaf that requires grad does not exist."""
        if requires_grad and not self.requires_grad:
            raise NotImplementedError(
                "requires_grad_: a sparse leaf that requires grad is not implemented for sparse tensors. "
                "Hint: make it of values that require grad"
            )
        return self if requires_grad else self.detach_()

    def detach_(self) -> SparseTensor:
        """Cut the values from the graph."""
        self._entries = self._entries.detach()
        return self

    def _alias(self, storage: Storage) -> Tensor:
        return make_sparse(self._places, self._entries.detach(), self._shape, self._coalesced)

    def _adopt(self, other: Tensor) -> None:
        if not isinstance(other, SparseTensor):
            raise NotImplementedError("setting .data of a sparse tensor to a dense one is not implemented")
        self._places, self._entries, self._coalesced = (
            other._places,
            other._entries.detach(),
            other._coalesced,
        )
        self._shape, self._dtype, self._device, self._storage = (
            other._shape, other._dtype, other._device, other._storage,
        )  # fmt: skip

    def _replace(self, other: SparseTensor) -> SparseTensor:
        """Take over another's parts: what an in-place op ends with."""
        self._places, self._entries, self._coalesced = other._places, other._entries, other._coalesced
        self._storage.version += 1
        return self


def with_values(tensor: SparseTensor, values: Tensor) -> SparseTensor:
    """Other values at the same indices."""
    return make_sparse(tensor._places, values, tensor._shape, tensor._coalesced)


KNOWN = frozenset((
    *(name for name in vars(SparseTensor) if name[0] != "_"),
    "shape", "size", "dtype", "device", "ndim", "dim", "ndimension", "numel", "nelement", "element_size", "itemsize",
    "is_same_size", "is_cuda", "is_cpu", "is_meta", "is_floating_point", "is_complex", "is_conj", "is_neg",
    "is_signed", "get_device",
    "is_sparse_csr", "is_quantized", "is_nested", "is_mkldnn", "is_mps", "is_xpu", "is_inference", "data", "detach",
    "output_nr", "name", "names", "retains_grad",
))  # fmt: skip


def refusal(name: str) -> Callable[..., NoReturn]:
    """What stands for a method that sparse tensors do not have."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"{name} {HINT}")

    return refuse


def attach(name: str, function: Callable) -> None:
    """Give sparse tensors a method, or a property, of the name that dense ones have it under."""
    global KNOWN
    setattr(SparseTensor, name, function)
    KNOWN |= {name}


def make_sparse(indices: Tensor, values: Tensor, shape: Size, coalesced: bool) -> SparseTensor:
    """A sparse tensor of parts that fit each other."""
    tensor = object.__new__(SparseTensor)
    tensor._places, tensor._entries, tensor._coalesced = indices, values, coalesced
    tensor._shape = shape
    tensor._dtype = values._dtype
    tensor._device = values._device
    tensor._rg = False
    tensor._node = None
    tensor._base = None
    tensor._storage = Storage(MetaBlock(0), values._device)
    return tensor
