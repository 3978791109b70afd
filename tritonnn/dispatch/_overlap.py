"""Memory that is written while it is read, or written twice: refused where PyTorch refuses it.

What an op reads never suffers here: results that share memory with arguments are computed elsewhere first. Programs
that rely on that would break in PyTorch, so they are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tritonnn import shape as shapes
from tritonnn._tensor import Tensor

if TYPE_CHECKING:
    from tritonnn.table import Op

_OF_ONE_PASS = """
    all amax amin any argmax argmin bmm cummax cummin eye full histc histogram mv nansum norm ones prod std sum
    threshold tril triu var vector_norm zeros
"""
# Calls whose out= may see an element of memory more than once: PyTorch does not look.
_REPEATED = frozenset([*_OF_ONE_PASS.split(), "randperm"])
_PRODUCTS_AND_MEANS = """
    avg_pool2d chain_matmul diag dot inner ldexp linear log_softmax logsigmoid logsumexp matmul mean mm multigammaln
    mvlgamma nanmean nanquantile ndtr qr quantile slice_scatter softmax tensordot vdot
"""
# Calls that look for that before they resize `out`.
_BEFORE = frozenset(("index_select",))
# Calls whose out= may share a part of an argument's memory.
_UNSEEN = frozenset([*_OF_ONE_PASS.split(), *_PRODUCTS_AND_MEANS.split()])
# Calls that look at their first argument alone.
_FIRST = frozenset(("_addmm_activation", "addbmm", "addmm", "addmv", "baddbmm"))
# Calls of which some arguments may share no memory at all with what is written, not even all of it; which.
_APART: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("gather", "take", "take_along_dim", "index_select"), ("input", "index", "indices")),
    **dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), ("index", "src")),
    **dict.fromkeys(("index_add", "index_copy", "index_reduce", "put"), ("index", "source")),
    **dict.fromkeys(("scatter_src", "scatter_value", "index_fill"), ("index", "src")),
    **dict.fromkeys(("aminmax", "diff", "kthvalue", "median", "mode", "nanmedian", "topk"), ("input",)),
    "masked_select": ("input", "mask"), "cat": ("tensors",), "addr": ("vec1", "vec2"), "cross": ("input", "other"),
    "outer": ("input", "vec2"), "kron": ("input", "other"), "put_at": ("indices", "values"),
}  # fmt: skip


def is_expanded(target: Tensor) -> bool:
    """Whether an element of memory is seen more than once along a dimension."""
    return (
        target._stride is not None
        and 0 not in target._shape
        and any(
            [stride == 0 and extent > 1 for stride, extent in zip(target._stride, target._shape, strict=True)]
        )
    )


def refuse_expanded(target: Tensor, name: str = "") -> None:
    """Refuse to write where one element of memory would be written more than once."""
    if target._stride is not None and is_expanded(target):
        raise RuntimeError(
            f"{_told(name)}unsupported operation: more than one element of the written-to tensor refers to a single "
            "memory location. Please clone() the tensor before performing the operation."
        )


def refuse_repeated(name: str, out: Tensor) -> None:
    """Refuse an `out=` of the result's shape in which an element of memory stands more than once, as far as PyTorch
    looks."""
    if name not in _REPEATED:
        refuse_expanded(out, name)


def check_shared(
    name: str, names: Sequence[str], out: object, args: Sequence[Any], kwargs: dict[str, Any] | None = None
) -> None:
    """Refuse an `out=` whose memory is that of arguments, as far as PyTorch looks.

    Args:
        name: of the call.
        names: of the arguments, in order.
        out: a tensor or several.
        args: the arguments by position.
        kwargs: those by name, `out` perhaps among them.
    """
    if kwargs:
        named = {key: value for key, value in kwargs.items() if key != "out"}
        names, args = (*names[: len(args)], *named), (*args, *named.values())
    apart = _APART.get(name, ())
    if name in _BEFORE and isinstance(out, Tensor):
        refuse_repeated(name, out)
    for target in out if isinstance(out, (tuple, list)) else (out,):
        if not isinstance(target, Tensor):
            continue  # for the call to refuse
        block = target._storage.block
        if not any([tensor._storage.block is block for tensor in _tensors(args)]):
            continue
        if name not in _UNSEEN:
            refuse_partial_overlap(target, args[:1] if name in _FIRST else args, name)
        if apart:
            _refuse_shared(name, target, names, args, apart)


def check_apart(op: Op, target: Tensor, args: Sequence[Any]) -> None:
    """Refuse to write in place what one of the arguments that must lie apart sees as well."""
    apart = _APART.get(op.public_name)
    if apart is not None:
        _refuse_shared(op.public_name, target, op.names[1:], args[1:], apart)


def _refuse_shared(
    call: str, target: Tensor, names: Sequence[str], args: Sequence[Any], apart: tuple[str, ...]
) -> None:
    for name, arg in zip(names, args, strict=False):
        if name in apart:
            for tensor in _tensors((arg,)):
                if tensor is target or _meet(target, tensor):
                    raise _shared(call)


def refuse_partial_overlap(out: Tensor, args: Sequence[Any], name: str = "") -> None:
    """Refuse a write that reads the same memory at other places, as far as PyTorch looks.

    Raises:
        RuntimeError: both are dense, share a part of their memory, and do not lie there alike.
    """
    for tensor in _tensors(args):
        if tensor is not out and _meet(out, tensor):
            if _span(out) != _span(tensor) or _steps(out) != _steps(tensor):
                raise _shared(name)


def _shared(name: str) -> RuntimeError:
    return RuntimeError(
        f"{_told(name)}unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
        "single memory location. Please clone() the tensor before performing the operation."
    )


def _told(name: str) -> str:
    return f"{name}: " if name else ""


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    for arg in args:
        if isinstance(arg, Tensor):
            yield arg
        elif isinstance(arg, (list, tuple)):
            yield from [item for item in arg if isinstance(item, Tensor)]


def _meet(a: Tensor, b: Tensor) -> bool:
    """Whether two dense tensors have memory in common."""
    if a._storage.block is not b._storage.block:
        return False
    ours, theirs = _span(a), _span(b)
    return ours is not None and theirs is not None and ours[0] < theirs[1] and theirs[0] < ours[1]


def _steps(tensor: Tensor) -> list[tuple[int, int]]:
    """Extent and stride of the dimensions that are walked along."""
    return [(n, stride) for n, stride in zip(tensor._shape, tensor.stride(), strict=True) if n > 1]


def _span(tensor: Tensor) -> tuple[int, int] | None:
    """The bytes of the storage that a tensor's elements fill; None where there are none, or gaps between them."""
    if 0 in tensor._shape or not shapes.is_dense(tensor._shape, tensor.stride()):
        return None
    first = tensor._offset * tensor._dtype.itemsize
    return first, first + tensor.nbytes
