"""Two tensors that exchange all that they are."""

from __future__ import annotations

import weakref

from tritonnn._tensor import Tensor

_FIELDS = ("_buf", "_device", "_dtype", "_shape", "_rg", "_node", "_base", "_storage")


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Exchange two tensors: their memory, class, attributes and place in the graph, so that whoever holds the one has
    the other.

    Raises:
        RuntimeError: something refers to one of them weakly, or their classes have slots that differ.

    >>> import tritonnn as torch
    >>> a, b = torch.zeros(2), torch.ones(3)
    >>> torch.utils.swap_tensors(a, b)
    >>> a
    tensor([1., 1., 1.])
    """
    for name, tensor in (("t1", t1), ("t2", t2)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"swap_tensors(): argument '{name}' must be Tensor, not {type(tensor).__name__}")
        if weakref.getweakrefs(tensor):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
        if tensor.grad_fn is not None:
            raise RuntimeError(f"Cannot swap {name} because it is not a leaf: its graph leads to it")
    try:
        t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    except TypeError:
        raise RuntimeError("Cannot swap t1 and t2 if they have different slots") from None
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
    for field in _FIELDS:
        first, second = getattr(t1, field), getattr(t2, field)
        setattr(t1, field, second)
        setattr(t2, field, first)
