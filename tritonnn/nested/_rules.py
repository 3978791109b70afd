"""What answers a call that nested tensors are given to.

In this order: what the class itself has under the name, a rule of the layout, and of elementwise functions a call with
the values. Everything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import autograd
from tritonnn._overriding import public_name
from tritonnn._tensor import Tensor
from tritonnn.nested import _jagged, _jagged_reduced, _strided  # noqa: F401
from tritonnn.nested._forms import OF_VALUES, RULES, is_elementwise, nested_among, on_values, replaced
from tritonnn.nested._layouts import JaggedTensor, StridedNestedTensor
from tritonnn.nested._tensor import NestedTensor, answers

#: what asks dtype, device or number of elements alone, and so nothing that nested tensors have not
_PLAIN = frozenset((
    "is_floating_point", "is_complex", "is_signed", "is_conj", "is_neg", "get_device", "element_size", "itemsize",
    "nbytes", "is_cuda", "is_cpu", "is_meta", "is_sparse", "is_sparse_csr", "is_quantized", "is_mkldnn", "is_mps",
    "is_xpu", "is_inference", "output_nr", "name", "__hash__", "type", "is_tensor", "typename", "is_pinned",
    "is_nonzero", "_base", "_is_view", "is_shared",
))  # fmt: skip
#: methods of dense tensors that go through `to`
_CONVERSIONS = frozenset((
    "cpu", "cuda", "double", "float", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool", "cfloat",
    "cdouble", "chalf",
))  # fmt: skip
_OWN = {
    kind: frozenset(
        name for cls in (kind, NestedTensor) for name in vars(cls) if name not in ("__module__", "__doc__")
    )
    for kind in (JaggedTensor, StridedNestedTensor)
}


def _name(func: Any) -> str:
    member = getattr(func, "__self__", None)
    if isinstance(member, property):
        return next((name for name, value in vars(Tensor).items() if value is member), "?")
    return func.__name__


def _answer(func: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The answer of a function that was given nested tensors."""
    if func is autograd.backward or func is autograd.grad:
        return _differentiated(func, args, kwargs)
    name = _name(func)
    if not args and isinstance(kwargs.get("input"), NestedTensor):
        kwargs = {**kwargs}
        args = (kwargs.pop("input"),)
    first = next(nested_among((*args, *kwargs.values())), None)
    assigned = getattr(func, "__name__", "") in ("__set__", "__delete__")
    if first is None or kwargs.get("out") is not None or assigned:
        raise _refused(func)
    kinds: set[Any] = {type(nested) for nested in nested_among((*args, *kwargs.values()))}
    if len(kinds) > 1:
        raise RuntimeError(
            f"{name}: expected nested tensors of one layout, got torch.jagged and torch.strided ones"
        )
    kind = kinds.pop()
    if args and args[0] is first and name in _OWN[kind]:
        member = getattr(first, name)
        return member if getattr(func, "__name__", "") == "__get__" else member(*args[1:], **kwargs)
    if name in _PLAIN:
        return getattr(func, "__wrapped__", func)(*args, **kwargs)  # what does not look again
    if name in RULES[kind]:
        return RULES[kind][name](func, *args, **kwargs)
    if is_elementwise(func, name):
        return on_values(func, args, kwargs, _jagged.aligned if kind is JaggedTensor else _strided.aligned)
    if name in OF_VALUES:
        return on_values(func, args, kwargs, _of_values)
    if name in _CONVERSIONS:
        moved = func(first._entries, *args[1:], **kwargs)
        return first if moved is first._entries else first._with(moved)
    raise _refused(func)


def _of_values(tensor: Tensor, first: NestedTensor) -> Tensor:
    return tensor._entries if isinstance(tensor, NestedTensor) else tensor


def _refused(func: Callable) -> Exception:
    name = public_name(func).removeprefix("torch.")
    return NotImplementedError(
        f"{name} is not implemented for nested tensors. Hint: .values() and .unbind() give dense ones, "
        ".to_padded_tensor(0.0) a padded one"
    )


def _differentiated(func: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """`autograd.backward` and `autograd.grad` with the values of nested tensors."""

    def values(given: Any) -> Any:
        return replaced(given, lambda t: t._entries if isinstance(t, NestedTensor) else t)

    wanted = kwargs.get("inputs", args[1] if len(args) > 1 else ())
    results = func(*[values(arg) for arg in args], **{name: values(value) for name, value in kwargs.items()})
    if func is autograd.backward:
        return None
    inputs = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
    return tuple([
        i._with(r) if isinstance(i, NestedTensor) and r is not None else r for i, r in zip(inputs, results, strict=True)
    ])  # fmt: skip


answers.append(_answer)
