"""The ops that view, as ops that copy: `view_copy` and its siblings; and parts that are no views, `unsafe_split`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tritonnn import dispatch
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.memory_format import contiguous_format
from tritonnn.ops._table import expose
from tritonnn.ops.elementwise import derived  # noqa: F401  # publishes some of them
from tritonnn.ops.joining import joining  # noqa: F401
from tritonnn.ops.shape import parts, rearrange, shape, strided  # noqa: F401
from tritonnn.table.op import NAMESPACES
from tritonnn.table.sparse import SPARSE

_ROW, _PAIR = "torch.tensor([1., 2.])", "torch.tensor([[1., 2.]])"
_PARTS = "(tensor([1.]), tensor([2.]))"
# What is viewed -> the tensor of its example, the other arguments, what is printed.
_EXAMPLES = {
    "as_strided": (_ROW, ", (2, 2), (0, 1)", "tensor([[1., 2.],\n        [1., 2.]])"),
    "chunk": (_ROW, ", 2", _PARTS),
    "diagonal": (_PAIR, "", "tensor([1.])"),
    "expand": (_ROW, ", (2, 2)", "tensor([[1., 2.],\n        [1., 2.]])"),
    "narrow": (_ROW, ", 0, 1, 1", "tensor([2.])"),
    "permute": (_PAIR, ", (1, 0)", "tensor([[1.],\n        [2.]])"),
    "select": (_PAIR, ", 0, 0", "tensor([1., 2.])"),
    "split": (_ROW, ", 1", _PARTS),
    "split_with_sizes": (_ROW, ", [1, 1]", _PARTS),
    "squeeze": (_PAIR, "", "tensor([1., 2.])"),
    "t": (_PAIR, "", "tensor([[1.],\n        [2.]])"),
    "transpose": (_PAIR, ", 0, 1", "tensor([[1.],\n        [2.]])"),
    "unbind": (_PAIR, "", "(tensor([1., 2.]),)"),
    "unfold": (_ROW, ", 0, 2, 1", "tensor([[1., 2.]])"),
    "unsqueeze": (_ROW, ", 0", "tensor([[1., 2.]])"),
    "view": (_PAIR, ", (2,)", "tensor([1., 2.])"),
    "view_as_complex": (_ROW, "", "tensor(1.+2.j)"),
    "view_as_real": ("torch.tensor([1 + 2j])", "", "tensor([[1., 2.]])"),
}  # fmt: skip
_OUT = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)


def _copied(result: Any) -> Any:
    if isinstance(result, Tensor):
        return result.clone(memory_format=contiguous_format)
    return tuple([_copied(part) for part in result])


def _copying(name: str, viewing: Callable, takes_out: bool) -> Callable:
    """A function of the arguments of `viewing` whose results have memory of their own."""

    def copying(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None) if takes_out else None
        if first != "input" and "input" in kwargs:
            kwargs[first] = kwargs.pop("input")
        if args and isinstance(args[0], SparseTensor) and name in SPARSE["coo"]:
            return SPARSE["coo"][name](*args, **kwargs)
        result = viewing(*args, **kwargs)
        if out is None:
            return _copied(result)
        written = dispatch.deliver(name, out, _copied(result))
        return written if isinstance(result, Tensor) else None  # as PyTorch's

    signature = inspect.signature(viewing)
    first = next(iter(signature.parameters))
    given = [p.replace(name="input") if p.name == first else p for p in signature.parameters.values()]
    last = [_OUT] if takes_out and "out" not in signature.parameters else []
    copying.__signature__ = signature.replace(parameters=[*given, *last])  # type: ignore[attr-defined]
    copying.__name__ = copying.__qualname__ = name
    copying.__doc__ = (
        f"`{name.removesuffix('_copy')}` whose result has memory of its own.\n\n{_example(name)}"
    )
    return copying


def _example(name: str) -> str:
    tensor, rest, shown = _EXAMPLES[name.removesuffix("_copy").removeprefix("unsafe_")]
    return f">>> import tritonnn as torch\n>>> torch.{name}({tensor}{rest})\n{shown}\n"


def _viewing(name: str) -> tuple[Callable, Any]:
    """A function of the table, and what has its entry; `view` is several."""
    function = NAMESPACES["torch"].get(name) or getattr(Tensor, name)
    return function, function if hasattr(function, "op") else NAMESPACES["torch"]["reshape"]


for _name in (
    "as_strided", "diagonal", "expand", "permute", "select", "split", "split_with_sizes", "squeeze", "t", "transpose",
    "unbind", "unfold", "unsqueeze", "view", "view_as_complex", "view_as_real",
):  # fmt: skip
    _view, _entry = _viewing(_name)
    expose("torch", of=_entry)(_copying(f"{_name}_copy", _view, True))
_view, _entry = _viewing("narrow")
expose("torch tensor", of=_entry)(_copying("narrow_copy", _view, True))
for _name in ("chunk", "split", "split_with_sizes"):
    _view, _entry = _viewing(_name)
    expose("torch tensor", of=_entry)(_copying(f"unsafe_{_name}", _view, False))
