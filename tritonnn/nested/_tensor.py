"""Nested tensors: batches whose samples, the components, differ in shape. What they *are* stands here.

What the two layouts have of their own is in `_layouts.py`, what can be computed with them in `_jagged.py`,
`_jagged_reduced.py` and `_strided.py`. These answer the calls that nested tensors are given to: a nested tensor takes
calls over (`__torch_function__`), so that calls with other tensors ask nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.dtypes import dtype as DType
from tritonnn.shape import wrap_dim

# (function, arguments, arguments by name) -> the answer of a call with nested tensors; `_rules.py` puts it here
answers: list[Callable] = []


class NestedTensor(Tensor):
    """Values, which are one dense tensor `_entries`, and how they fall into components.

    Gradients flow through the values; the nested tensor itself is no part of a graph. Of a nested leaf the values are
    the leaf.
    """

    __slots__ = ("_entries", "_leaf")

    _entries: Tensor
    _leaf: bool  # it was made to require grad, and its values with it

    _always_overrides = True
    is_nested = property(lambda self: True, doc="Always True.")

    @classmethod
    def __torch_function__(
        cls, func: Callable, types: Iterable[type], args: tuple = (), kwargs: Any = None
    ) -> Any:
        return answers[0](func, args, kwargs or {})

    @property
    def _buf(self) -> NoReturn:
        raise NotImplementedError(
            "this is not implemented for nested tensors. Hint: .unbind() gives the components"
        )

    _stride = _buf

    # ---- geometry: what both layouts say in their own way ----------------------------------------------------

    def _with(self, values: Tensor) -> Any:
        """Other values in components of the same shapes."""
        raise NotImplementedError

    def _components(self) -> list[Tensor]:
        raise NotImplementedError

    def _batch(self) -> int:
        raise NotImplementedError

    shape = property(lambda self: self.size(), doc="The extents.")
    ndim = property(lambda self: self.dim(), doc="Number of dimensions.")
    dtype: DType = property(lambda self: self._entries.dtype, doc="The type of the elements.")  # type: ignore[assignment]
    device = property(lambda self: self._entries.device, doc="Where the values lie.")

    def ndimension(self) -> int:
        """Number of dimensions."""
        return self.dim()

    def nelement(self) -> int:
        """Number of elements."""
        return self.numel()

    def storage_offset(self) -> int:
        """Elements from the start of the storage to the first value."""
        return self._entries.storage_offset()

    def data_ptr(self) -> int:
        """Address of the first value."""
        return self._entries.data_ptr()

    def is_same_size(self, other: Tensor) -> bool:
        """Whether the components have the same shapes; of jagged tensors whether their ragged extent is the same."""
        return type(self) is type(other) and self._same(other)

    def _same(self, other: Any) -> bool:
        raise NotImplementedError

    def to_padded_tensor(self, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
        """A dense tensor of the components, filled up to the longest; as `torch.nested.to_padded_tensor`."""
        raise NotImplementedError

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The components: views of the values.

        Raises:
            RuntimeError: along another dimension than 0.
        """
        if wrap_dim(dim, self.dim()) != 0:
            raise RuntimeError(f"unbind(): only supported for nested tensors on dim=0, got dim={dim}")
        return tuple(self._components())

    # ---- to Python and NumPy -----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'more than one value' if self.numel() else 'no values'} is ambiguous"
            )
        return bool(self.item())

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return next(part for part in self._components() if part.numel()).item()

    def tolist(self) -> NoReturn:
        """Refused: there are no nested lists of equal length."""
        raise RuntimeError(
            "tolist is not supported for nested tensors. Hint: [c.tolist() for c in nt.unbind()]"
        )

    def numpy(self, *, force: bool = False) -> NoReturn:
        """Refused: there is no array of such a shape."""
        raise RuntimeError(
            "numpy is not supported for nested tensors. Hint: [c.numpy() for c in nt.unbind()]"
        )

    __array__ = numpy  # type: ignore[assignment]

    def __contains__(self, element: object) -> bool:
        return any(element in part for part in self._components())

    def __reduce_ex__(self, protocol: Any) -> tuple:
        from tritonnn.nested._saving import reduced

        return reduced(self)

    def __setstate__(self, state: object) -> None:
        raise RuntimeError("load: a nested tensor's state is its parts: the file is corrupted")

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__})

    def __deepcopy__(self, memo: dict) -> Any:
        if id(self) not in memo:
            if self.requires_grad and not self._leaf:
                raise RuntimeError(
                    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                    "moment."
                )
            copy = self._with(self._entries.detach().clone())
            memo[id(self)] = copy.requires_grad_() if self._leaf else copy
        return memo[id(self)]

    # ---- autograd ----------------------------------------------------------------------------------------------

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
        return self._leaf or not self.requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Start, or stop, recording what is computed with it; a leaf's `.grad` is nested.

        Raises:
            RuntimeError: the values are neither floating nor complex, or were computed.
        """
        if requires_grad and not self.requires_grad:
            self._entries = set_requires_grad(self._entries.detach(), True)
            self._leaf = True
        elif not requires_grad and self.requires_grad:
            if not self._leaf:
                return set_requires_grad(self._entries, False)  # refuses what is computed
            self._entries, self._leaf = self._entries.detach(), False
        return self

    @property
    def grad(self) -> Any:
        """The gradient accumulated by backward, nested as this is; or None."""
        received = self._entries._grad if self._leaf or self._entries._retains_grad else None
        if received is None:
            return None
        last = self.__dict__.get("_last_grad")
        if last is None or last._entries is not received:
            last = self.__dict__["_last_grad"] = self._with(received)
        return last

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and not (isinstance(value, NestedTensor) and self.is_same_size(value)):
            raise RuntimeError("assigned grad must be None or a nested tensor of the same shape")
        self._entries.grad = None if value is None else value._entries.detach()

    @grad.deleter
    def grad(self) -> None:
        self._entries.grad = None

    def retain_grad(self) -> None:
        """Keep the gradient of a result in `.grad`."""
        self._entries.retain_grad()

    @property
    def retains_grad(self) -> bool:
        """Whether `.grad` of a result is kept."""
        return not self._leaf and self._entries.retains_grad

    def register_hook(self, hook: Callable) -> Any:
        """Call `hook(grad)` with the nested gradient; what it returns replaces it."""

        def on_values(values: Tensor) -> Tensor | None:
            replaced = hook(self._with(values))
            return replaced._entries if isinstance(replaced, NestedTensor) else replaced

        return self._entries.register_hook(on_values)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None,
        retain_variables: bool | None = None,
    ) -> None:  # fmt: skip
        """Accumulate into the leaves' `.grad` the gradients of this result, of which the nested `gradient` is given."""
        values = None if gradient is None else self._gradient(gradient)
        if values is None and self._entries.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if inputs is not None:
            given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
            inputs = [value._entries if isinstance(value, NestedTensor) else value for value in given]
        retain = retain_variables if retain_graph is None else retain_graph
        self._entries.backward(values, retain, create_graph, inputs)

    def _gradient(self, gradient: Any) -> Tensor:
        """The values of a gradient of this tensor."""
        if not isinstance(gradient, NestedTensor) or not self.is_same_size(gradient):
            raise RuntimeError(
                "Mismatch in shape: grad_output[0] must be a nested tensor whose components have the shapes of the "
                "output's"
            )
        return gradient._entries

    def detach(self) -> Any:
        """The same values outside the graph."""
        return self._with(self._entries.detach())

    def detach_(self) -> Any:
        """Cut it from the graph; values that others hold stay in theirs."""
        self._entries, self._leaf = self._entries.detach(), False
        return self

    data = property(lambda self: self._with(self._entries.data), doc="The same values outside the graph.")

    @property
    def _version(self) -> int:
        return self._entries._version

    # ---- copies --------------------------------------------------------------------------------------------------

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """The same components in another dtype or on another device; itself where nothing changes."""
        given: Any = [arg._entries if isinstance(arg, NestedTensor) else arg for arg in args]
        other = kwargs.get("other")
        named = {**kwargs, "other": other._entries} if isinstance(other, NestedTensor) else kwargs
        moved = self._entries.to(*given, **named)
        return self if moved is self._entries else self._with(moved)

    def type_as(self, other: Tensor) -> Any:
        """The same components in the dtype, and on the device, of another tensor."""
        return self.to(other)

    def clone(self, *, memory_format: Any = None) -> Any:
        """A copy of the values in components of the same shapes."""
        return self._with(self._entries.clone())

    def pin_memory(self, device: Any = None) -> Any:
        """The same with values in page-locked memory."""
        return self._with(self._entries.pin_memory())
