"""The two layouts of nested tensors: torch.jagged, of one ragged dimension, and torch.strided, of any shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from tritonnn._tensor import Tensor
from tritonnn.memory import MetaBlock, Storage
from tritonnn.memory_format import jagged, strided
from tritonnn.memory_format import layout as Layout
from tritonnn.nested._structure import Ragged
from tritonnn.nested._tensor import NestedTensor
from tritonnn.shape import Size, numel, wrap_dim


class JaggedTensor(NestedTensor):
    """Components that differ in one dimension, the ragged one, along which they lie one after another in the values."""

    __slots__ = ("_ragged", "_ragged_idx")

    _ragged: Ragged
    _ragged_idx: int  # the ragged dimension, counted with the batch

    layout: Layout = property(lambda self: jagged, doc="Always torch.jagged.")  # type: ignore[assignment]

    def _with(self, values: Tensor) -> JaggedTensor:
        return make_jagged(values, self._ragged, self._ragged_idx)

    def _batch(self) -> int:
        return self._ragged.batch

    @property
    def _shape(self) -> Any:  # type: ignore[override]
        extents = list(self._entries._shape)
        extents[self._ragged_idx - 1] = self._ragged.extent  # type: ignore[call-overload]
        return Size((self._ragged.batch, *extents))

    def size(self, dim: int | None = None) -> Any:
        """The shape, whose ragged extent is a `SymInt` such as j1; or one extent."""
        return self._shape if dim is None else self._shape[wrap_dim(dim, self.dim())]

    def dim(self) -> int:
        """Number of dimensions."""
        return len(self._entries._shape) + 1

    def numel(self) -> int:
        """Number of elements of all components."""
        if self._ragged.lengths is None:
            return self._entries.numel()
        extents = list(self._entries._shape)
        extents[self._ragged_idx - 1] = int(self._ragged.bounds()[1].sum())
        return numel(extents)

    def stride(self, dim: int | None = None) -> Any:
        """Distances between neighbours; between components that of the ragged extent."""
        strides: Any = self._entries.stride()
        whole = (self._ragged.extent * strides[self._ragged_idx - 1], *strides)
        return whole if dim is None else whole[wrap_dim(dim, self.dim())]

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Whether the values lie row-major, the ragged dimension first, and no holes are between components."""
        return self._ragged_idx == 1 and self._ragged.lengths is None and self._entries.is_contiguous()

    def contiguous(self, memory_format: object = None) -> Any:
        """The same components without holes between them, in values that lie row-major."""
        if self._ragged.lengths is not None:
            from tritonnn.nested._making import jagged_of

            return jagged_of(self._components(), self._ragged_idx - 1)
        return self if self._entries.is_contiguous() else self._with(self._entries.contiguous())

    def values(self) -> Tensor:
        """The components one after another along the ragged dimension, as a dense tensor (sum of lengths, ...)."""
        return self._entries.view(self._entries.shape) if self.requires_grad else self._entries

    def offsets(self) -> Tensor:
        """Where each component begins, and the last ends: (B + 1,)."""
        return self._ragged.offsets

    def lengths(self) -> Tensor | None:
        """How long each component is, where holes lie between them; else None."""
        return self._ragged.lengths

    @property
    def _min_seqlen(self) -> int:
        return min(self._ragged.bounds()[1].tolist(), default=0)

    @property
    def _max_seqlen(self) -> int:
        return max(self._ragged.bounds()[1].tolist(), default=0)

    def _get_min_seqlen(self) -> int:
        return self._min_seqlen

    def _get_max_seqlen(self) -> int:
        return self._max_seqlen

    def to_padded_tensor(self, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
        """A dense tensor of the components, filled up to the longest; as `torch.nested.to_padded_tensor`."""
        from tritonnn.nested._making import padded

        if out is not None:
            raise NotImplementedError("to_padded_tensor: out= is not implemented for nested tensors")
        if self._ragged.lengths is not None:
            raise RuntimeError("to_padded_tensor(): not supported for nested tensors with holes")
        if output_size is not None and len(output_size) != self.dim():
            raise RuntimeError(
                f"to_padded_tensor: output_size must have {self.dim()} extents, got {output_size}"
            )
        return padded(self, padding, None if output_size is None else output_size[self._ragged_idx])

    def _components(self) -> list[Tensor]:
        starts, lengths = (part.tolist() for part in self._ragged.bounds())
        dim, total = self._ragged_idx - 1, self._entries._shape[self._ragged_idx - 1]
        if any(a + n > total for a, n in zip(starts, lengths, strict=True)):
            raise RuntimeError(
                f"unbind: offsets reach beyond the {total} rows of the values of the nested tensor"
            )
        return [self._entries.narrow(dim, a, n) for a, n in zip(starts, lengths, strict=True)]

    def _same(self, other: JaggedTensor) -> bool:
        return self._shape == other._shape

    def __len__(self) -> int:
        return self._batch()

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._components())

    def __repr__(self, *, tensor_contents: object = None) -> str:
        parts = [f"size={tuple(self._shape)}", f"offsets={self._ragged.offsets!r}"]
        if self.grad_fn is not None:
            parts.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        return f"NestedTensor({', '.join(parts)}, contiguous={self.is_contiguous()})"


class StridedNestedTensor(NestedTensor):
    """Components of any shapes of as many dimensions, which lie one after another, row-major, in flat values.

    What PyTorch answers with a view that this cannot be, such as a transpose, is a copy here: a result that must not be
    written into (`_copied`).
    """

    __slots__ = ("_copied", "_sizes")

    _sizes: tuple[tuple[int, ...], ...]
    _copied: bool

    def _with(self, values: Tensor) -> StridedNestedTensor:
        return make_strided(values, self._sizes)

    def _batch(self) -> int:
        return len(self._sizes)

    layout: Layout = property(lambda self: strided, doc="Always torch.strided.")  # type: ignore[assignment]

    @property
    def _shape(self) -> Any:  # type: ignore[override]
        raise RuntimeError(
            "a nested tensor of layout torch.strided doesn't support sizes: its components differ. Hint: nt.size(i) "
            "gives an extent that they share"
        )

    def size(self, dim: int | None = None) -> Any:
        """An extent that all components share.

        Raises:
            RuntimeError: they do not, or the whole shape is asked for.
        """
        if dim is None:
            return self._shape
        dim = wrap_dim(dim, self.dim())
        if dim == 0:
            return len(self._sizes)
        found = {size[dim - 1] for size in self._sizes}
        if len(found) != 1:
            raise RuntimeError(f"Given dimension {dim} is irregular and does not have a size.")
        return found.pop()

    def dim(self) -> int:
        """Number of dimensions."""
        return len(self._sizes[0]) + 1 if self._sizes else 1

    def numel(self) -> int:
        """Number of elements of all components."""
        return self._entries.numel()

    def stride(self, dim: int | None = None) -> NoReturn:
        """Refused: components have strides of their own."""
        raise RuntimeError("a nested tensor of layout torch.strided doesn't support strides")

    def is_contiguous(self, memory_format: object = None) -> bool:
        """Always True: components lie row-major one after another."""
        return True

    def contiguous(self, memory_format: object = None) -> Any:
        """Itself."""
        return self

    def values(self) -> Tensor:
        """All elements one after another."""
        return self._entries.view(self._entries.shape) if self.requires_grad else self._entries

    def to_padded_tensor(self, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
        """A dense tensor of the components, filled up to the largest; as `torch.nested.to_padded_tensor`."""
        from tritonnn.nested._making import padded_strided

        if out is not None:
            raise NotImplementedError("to_padded_tensor: out= is not implemented for nested tensors")
        return padded_strided(self, padding, output_size)

    def _nested_tensor_size(self) -> Tensor:
        from tritonnn.ops.creation.from_data import tensor

        return tensor([list(size) for size in self._sizes]).long().reshape(len(self._sizes), self.dim() - 1)

    def _components(self) -> list[Tensor]:
        flat = self._entries.split([numel(size) for size in self._sizes]) if self._sizes else ()
        return [part.view(size) for part, size in zip(flat, self._sizes, strict=True)]

    def _same(self, other: StridedNestedTensor) -> bool:
        return self._sizes == other._sizes

    def __len__(self) -> int:
        return self._shape  # refused

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._shape)  # refused

    def __repr__(self, *, tensor_contents: object = None) -> str:
        lines = []
        for part in self._components():
            shown = repr(part.detach().requires_grad_(self.requires_grad))
            lines.append("  " + shown.replace("\n", "\n  "))
        text = ",\n".join(lines)
        suffix = ""
        if self.grad_fn is not None:
            suffix = f", grad_fn=<{self.grad_fn.name()}>"
        elif self.requires_grad:
            suffix = ", requires_grad=True"
        return f"nested_tensor([\n{text}\n]{suffix})"


def _made(cls: type, values: Tensor) -> Any:
    tensor: Any = object.__new__(cls)
    tensor._entries, tensor._leaf = values, False
    tensor._rg, tensor._node, tensor._base = False, None, None
    tensor._dtype, tensor._device = values._dtype, values._device
    tensor._storage = Storage(MetaBlock(0), values._device)
    return tensor


def make_jagged(values: Tensor, ragged: Ragged, dim: int) -> JaggedTensor:
    """A jagged tensor of parts that fit each other; `dim` is the ragged one, counted with the batch."""
    tensor = _made(JaggedTensor, values)
    tensor._ragged, tensor._ragged_idx = ragged.to(values._device), dim
    return tensor


def make_strided(values: Tensor, sizes: Sequence[Sequence[int]], copied: bool = False) -> StridedNestedTensor:
    """A strided nested tensor of flat values and the shapes of the components."""
    tensor = _made(StridedNestedTensor, values)
    tensor._sizes, tensor._copied = tuple([tuple(size) for size in sizes]), copied
    return tensor
