"""Sparse tensors in the graph: the `.grad` of a leaf, hooks, and backward from a sparse result.

Gradients belong to the values. What a leaf's values have received becomes the leaf's `.grad` when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from tritonnn._sparse import Sparse, SparseTensor, attach, make_sparse, with_values
from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.ops.scatter.index_put import index_put
from tritonnn.ops.sparse._forms import KINDS
from tritonnn.ops.sparse.arithmetic import distinct


def as_gradient(leaf: Sparse, values: Tensor) -> Sparse:
    """The gradient of a sparse tensor whose values have received `values`.

    Of equal indices each has received what their place has; the gradient has the place once.
    """
    if not isinstance(leaf, SparseTensor) or leaf._coalesced:
        return with_values(leaf, values)
    groups, places = distinct(leaf)
    single = values.new_zeros(places._shape[1], *values._shape[1:])
    return make_sparse(places, index_put(single, (groups,), values), leaf._shape, True)


def _grad(self: Sparse) -> Tensor | None:
    """The gradient accumulated by backward: sparse, at the places of the tensor; or None."""
    if not self._leaf:
        kept = self._entries._grad if self._entries.retains_grad else None
        return self._grad if kept is None else as_gradient(self, kept)
    received = self._entries._grad
    if received is not None:
        self._entries._grad = None
        _take(self, as_gradient(self, received))
    return self._grad


def _take(leaf: Sparse, more: Tensor) -> None:
    leaf._grad = more if leaf._grad is None else leaf._grad.add_(more)


def whole(leaf: Sparse) -> Tensor:
    """The dense form of a leaf whose gradient has elements at all places, not at the leaf's alone."""
    dense = set_requires_grad(with_values(leaf, leaf._entries.detach()).to_dense(), True)

    def hand_on(received: Tensor) -> None:
        more, received._grad = received._grad, None
        if more is not None:
            _take(leaf, of_whole(leaf, more.detach()))

    dense.register_post_accumulate_grad_hook(hand_on)
    leaf._wholes = (*[w for w in leaf._wholes if w() is not None], ref(dense))
    return dense.clone()


def of_whole(leaf: Sparse, gradient: Tensor) -> Tensor:
    """The elements of a gradient that are not zero, in the layout of the leaf."""
    if isinstance(leaf, SparseTensor):
        return gradient.to_sparse(len(leaf._places))
    return gradient.to_sparse(layout=leaf.layout, blocksize=leaf._block, dense_dim=leaf.dense_dim())


def wholes_of(value: object) -> list[Tensor]:
    """The dense forms of a leaf that are still there."""
    if not isinstance(value, Sparse):
        return []
    return [dense for w in value._wholes if (dense := w()) is not None]


def _set_grad(self: Sparse, value: Tensor | None) -> None:
    if value is not None:
        if not isinstance(value, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value._shape != self._shape:
            raise RuntimeError(
                f"assigned grad has data of a different size: grad {tuple(value._shape)}, tensor {tuple(self._shape)}"
            )
    self._entries._grad = None
    self._grad = value


def _delete_grad(self: Sparse) -> None:
    _set_grad(self, None)


def _register_hook(self: Sparse, hook: Callable) -> Any:
    """Call `hook(grad)` with the sparse gradient; what it returns replaces it."""

    def on_values(values: Tensor) -> Tensor | None:
        replaced = hook(with_values(self, values))
        return replaced._entries if isinstance(replaced, Sparse) else replaced

    return self._entries.register_hook(on_values)


def _backward(
    self: Sparse, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Any = None,
) -> None:  # fmt: skip
    """Accumulate into the leaves' `.grad` the gradients of this result, of which `gradient` is given."""
    if gradient is None:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    self._entries.backward(values_at(self, gradient), retain_graph, create_graph, inputs)


def values_at(tensor: Sparse, other: Tensor) -> Tensor:
    """The values that another tensor has at the places of a sparse one."""
    from tritonnn.ops.sparse.masking import taken_at

    if isinstance(other, Sparse) and other._entries._shape == tensor._entries._shape:
        if type(other) is type(tensor) and other._places is tensor._places:
            return other._entries
    return taken_at(other, tensor)


def _retain_grad(self: Sparse) -> None:
    """Keep the gradient of a computed sparse tensor, which is one of the same places; of a leaf it is kept anyway."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if not self._leaf:
        self._entries.retain_grad()


for _cls in KINDS.values():
    attach(
        "grad", property(_grad, _set_grad, _delete_grad, "The sparse gradient accumulated by backward."), _cls
    )
    attach("register_hook", _register_hook, _cls)
    attach("backward", _backward, _cls)
    attach("grad_dtype", property(lambda self: self._entries.grad_dtype), _cls)
    attach("retain_grad", _retain_grad, _cls)
    attach("retains_grad", property(lambda self: not self._leaf and self._entries.retains_grad), _cls)
