"""`torch.library`: operators that programs define, called as `torch.ops.namespace.name`.

Beside PyTorch's names it has those by which a package of its own declares entries of the op table, with NumPy
functions and kernels (`primitive`, `pointwise`, `composite`, ...): `docs/extending.md`.

>>> import tritonnn as torch
>>> @torch.library.custom_op("docs::halve", mutates_args=())
... def halve(x: torch.Tensor) -> torch.Tensor:
...     return x / 2
>>> halve.register_autograd(lambda ctx, grad: grad / 2)
>>> x = torch.ones(2, requires_grad=True)
>>> torch.ops.docs.halve(x).sum().backward()
>>> x.grad
tensor([0.5000, 0.5000])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tritonnn.errors import Invalid, fail
from tritonnn.library._check import OpCheckError, opcheck
from tritonnn.library._entries import composite, entries, load, pointwise, primitive, remove, view, writing
from tritonnn.library._operator import ANY, FAKES, OPERATORS, Operator, devices, kernel_enabled, operator_of
from tritonnn.library._schema import Schema, infer_schema, of_function, parse
from tritonnn.ops._namespaces import OpOverload
from tritonnn.shape import wrap_dim
from tritonnn.table import (
    ALL_TYPES,
    BOOL,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    NUMERIC,
    PROMOTE,
    REAL,
    Bad,
    Out,
    Perf,
    Sample,
)

__all__ = [
    "ALL_TYPES", "BOOL", "FLOAT", "FLOATING", "FLOATING_AND_COMPLEX", "NUMERIC", "PROMOTE", "REAL", "Bad",
    "Invalid", "Out", "Perf", "Sample", "composite", "entries", "fail", "load", "pointwise", "primitive", "remove",
    "view", "wrap_dim", "writing",
    "CustomOpDef", "Library", "OpCheckError", "custom_op", "define", "get_ctx", "get_kernel", "impl", "infer_schema",
    "opcheck", "register_autograd", "register_fake", "register_kernel", "register_vmap", "triton_op", "wrap_triton",
]  # fmt: skip


class CustomOpDef:
    """What `custom_op` makes of a function: the operator, to be called and to be given kernels and a derivative."""

    def __init__(self, operator: Operator, function: Callable) -> None:
        self._operator, self._init_fn = operator, function
        self._qualname = operator.name
        self._namespace, _, self._name = operator.name.partition("::")
        self._opoverload = operator.overload
        self.__name__ = self._name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._operator(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def register_kernel(self, device_types: str | Sequence[str] | None, fn: Callable | None = None, /) -> Any:
        """Give it what runs on tensors of device types; a decorator where no function is given."""

        def take(function: Callable) -> Callable:
            for name in devices(device_types):
                self._operator.kernels[name] = function
            return function

        return take if fn is None else take(fn)

    def register_fake(self, fn: Callable, /) -> Callable:
        """Give it what makes results without memory from tensors without memory (`device="meta"`)."""
        self._operator.fake = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Give it a derivative.

        Args:
            backward: `(ctx, *grads)` -> a gradient for each argument, None for those without.
            setup_context: `(ctx, inputs, output)`, which saves on `ctx` what backward needs.
        """
        self._operator.backward, self._operator.setup_context = backward, setup_context

    def register_vmap(self, func: Callable | None = None) -> Any:
        """Give it a rule for batches, which `vmap` calls; a decorator where no function is given.

        Args:
            func: `(info, in_dims, *args)` -> (outputs, where their samples are): `info` has `batch_size` and
                `randomness`, and `in_dims` is of each argument the dimension of its samples, or None.

        >>> import tritonnn as torch
        >>> @torch.library.custom_op("docs::total", mutates_args=())
        ... def total(x: torch.Tensor) -> torch.Tensor:
        ...     return x.sum()
        >>> @total.register_vmap
        ... def _(info, in_dims, x):
        ...     return x.movedim(in_dims[0], 0).flatten(1).sum(1), 0
        >>> torch.vmap(total)(torch.ones(2, 3))
        tensor([3., 3.])
        """
        return register_vmap(self, func)

    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> AbstractContextManager[None]:
        """A block within which the kernel of a device type runs, or the function for all devices instead."""
        return kernel_enabled(self._operator, device_type, enabled)


def custom_op(
    name: str,
    fn: Callable | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Sequence[Any] | None = None,
) -> Any:
    """Make an operator of a function, a decorator where no function is given.

    Args:
        name: 'namespace::name'.
        fn: computes the results; what it does is not recorded.
        mutates_args: the names of the arguments that it writes to; "unknown" means all tensors.
        device_types: of the tensors that it is for; all by default.
        schema: such as '(Tensor x, int n) -> Tensor'; by default what the annotations of the function say.
        tags: hints for compilers, of which there is none.

    >>> import tritonnn as torch
    >>> @torch.library.custom_op("docs::twice", mutates_args=())
    ... def twice(x: torch.Tensor) -> torch.Tensor:
    ...     return x * 2
    >>> twice(torch.ones(1)), torch.ops.docs.twice.default
    (tensor([2.]), <OpOverload(op='docs.twice', overload='default')>)
    """

    def decorate(function: Callable) -> CustomOpDef:
        if schema is None:
            said = of_function(function, mutates_args, name)
        else:
            parsed = parse(name + schema)
            said = Schema(name, parsed.arguments, parsed.returns)
            if mutates_args != "unknown" and set(said.mutated) != set(mutates_args):
                raise ValueError(
                    f"mutates_args says {sorted(mutates_args)}, but the schema of '{name}' {sorted(said.mutated)}"
                )
        if name in OPERATORS:
            OPERATORS[name].forget()  # the cell of a notebook that is run again
        made = CustomOpDef(Operator(said), function)
        made.register_kernel(device_types, function)
        return made

    return decorate if fn is None else decorate(fn)


def triton_op(
    name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str], schema: str | None = None
) -> Any:
    """`custom_op` of a function that launches Triton kernels; there is no compiler that would look into it."""
    return custom_op(name, fn, mutates_args=mutates_args, schema=schema)


def wrap_triton(triton_kernel: Callable, /) -> Callable:
    """A Triton kernel as it is: there is no compiler that would have to know of its launches."""
    return triton_kernel


# ---- operators by name --------------------------------------------------------------------------------------

# Key of a dispatch table -> the device that it means here; autograd keys are refused by name.
_KEYS = {
    "": ANY, "cpu": "cpu", "cuda": "cuda", "meta": "meta", "default": ANY, "compositeexplicitautograd": ANY,
    "compositeimplicitautograd": ANY,
}  # fmt: skip


def _device(key: str) -> str:
    device = _KEYS.get(key.lower())
    if device is None:
        raise NotImplementedError(
            f"no operator can be given an implementation for '{key}' here: CPU, CUDA, Meta and the composite keys are "
            "known. Hint: torch.library.register_autograd gives a derivative"
        )
    return device


class Library:
    """Operators of a namespace, defined and implemented one by one.

    Args:
        ns: the namespace.
        kind: 'DEF', 'FRAGMENT' or 'IMPL'.
        dispatch_key: of the implementations that say none.

    >>> import tritonnn as torch
    >>> lib = torch.library.Library("docs2", "FRAGMENT")
    >>> lib.define("plus(Tensor x, int n=1) -> Tensor")
    'plus'
    >>> lib.impl("plus", lambda x, n=1: x + n, "CPU")
    >>> torch.ops.docs2.plus(torch.ones(2), n=3)
    tensor([4., 4.])
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("DEF", "FRAGMENT", "IMPL"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns == "prim":
            raise ValueError(
                "torch.library.Library: the namespace prim is reserved; please choose another name"
            )
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._defined: list[Operator] = []

    def define(self, schema: str, alias_analysis: str = "", *, tags: object = ()) -> str:
        """Define an operator by its schema; returns its name."""
        said = parse(schema)
        if self.kind == "IMPL":
            raise RuntimeError(f"a Library of kind 'IMPL' defines nothing: {schema}")
        operator = Operator(Schema(f"{self.ns}::{said.name}", said.arguments, said.returns))
        operator.recorded = True
        self._defined.append(operator)
        return said.name

    def impl(
        self, op_name: Any, fn: Callable, dispatch_key: str = "", *, with_keyset: bool = False,
        allow_override: bool = False,
    ) -> None:  # fmt: skip
        """Implement an operator for a device ('CPU', 'CUDA', 'Meta'), or for all."""
        if with_keyset:
            raise NotImplementedError("Library.impl: with_keyset: there are no sets of dispatch keys here")
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        name = op_name if isinstance(op_name, str) else op_name.overloadpacket.__name__
        operator = operator_of(name if "::" in name else f"{self.ns}::{name}")
        device = _device(dispatch_key or self.dispatch_key)
        if device in operator.kernels and not allow_override:
            raise RuntimeError(
                f"This is not allowed since there's already a kernel registered from python overriding "
                f"{operator.name}'s behavior for {device} dispatch key and {self.ns} namespace."
            )
        operator.kernels[device] = fn

    def _destroy(self) -> None:
        for operator in self._defined:
            operator.forget()
        self._defined.clear()


def define(
    qualname: Any, schema: str, alias_analysis: str = "", *, lib: Library | None = None, tags: object = ()
) -> Any:
    """Define an operator 'namespace::name' by its schema '(Tensor x) -> Tensor'.

    With a Library in the place of the name, and the name in the schema, a decorator of what implements it everywhere.
    """
    if isinstance(qualname, Library):
        return _defined_in(qualname, schema, alias_analysis)
    space, colons, name = qualname.partition("::")
    if not colons:
        raise ValueError(f"torch.library.define: a name is 'namespace::name', not {qualname!r}")
    (lib or Library(space, "FRAGMENT")).define(name + schema)


def _defined_in(lib: Library, schema: str, alias_analysis: str) -> Callable:
    def take(function: Callable) -> Callable:
        lib.impl(lib.define(schema, alias_analysis), function)
        return function

    return take


def impl(
    qualname: Any, types: str | Sequence[str], func: Any = None, dispatch_key: str = "", *, lib: Any = None
) -> Any:
    """Implement an operator for device types ('cpu', 'cuda', 'default'); a decorator where no function is given.

    With a Library in the place of the name, the name and a dispatch key follow: `impl(lib, "name", "CPU")`.
    """
    if isinstance(qualname, Library):
        return _implemented_in(qualname, types, func if isinstance(func, str) else dispatch_key)

    def take(function: Callable) -> None:
        for name in [types] if isinstance(types, str) else types:
            (lib or Library(qualname.partition("::")[0], "FRAGMENT")).impl(qualname, function, name)

    return take if func is None else take(func)


def _implemented_in(lib: Library, name: Any, dispatch_key: str) -> Callable:
    def take(function: Callable) -> Callable:
        lib.impl(name, function, dispatch_key)
        return function

    return take


def register_kernel(
    op: object,
    device_types: str | Sequence[str] | None,
    func: Callable | None = None,
    /,
    *,
    lib: object = None,
) -> Any:
    """Give an operator what runs on tensors of device types; a decorator where no function is given."""

    def take(function: Callable) -> Callable:
        for name in devices(device_types):
            operator_of(op).kernels[name] = function
        return function

    return take if func is None else take(func)


def register_fake(
    op: object,
    func: Callable | None = None,
    /,
    *,
    lib: object = None,
    _stacklevel: int = 1,
    allow_override: bool = False,
) -> Any:
    """Give an operator what makes results without memory; a decorator where no function is given.

    An operator that is not defined yet gets it when it is.
    """

    def take(function: Callable) -> Callable:
        if isinstance(op, str) and "::" in op and op not in OPERATORS:
            FAKES[op] = function
        else:
            operator_of(op).fake = function
        return function

    return take if func is None else take(func)


def register_autograd(
    op: object, backward: Callable, /, *, setup_context: Callable | None = None, lib: object = None
) -> None:
    """Give an operator a derivative, as `CustomOpDef.register_autograd` does."""
    operator = operator_of(op)
    operator.backward, operator.setup_context = backward, setup_context


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: object = None) -> Any:
    """Give an operator a rule for batches, as `CustomOpDef.register_vmap` does; the last one given holds.

    Args:
        op: its name, an overload, or what `custom_op` made.
    """
    if not isinstance(op, (str, OpOverload, CustomOpDef)):
        raise ValueError(f"register_vmap({op}): got unexpected type for op: {type(op)}")

    def take(function: Callable) -> Callable:
        operator_of(op).batches = function
        return function

    return take if func is None else take(func)


class _Context:
    """What a function without memory may ask for."""

    def new_dynamic_size(self, *, min: int = 0, max: int | None = None) -> int:
        """A size that depends on data."""
        raise NotImplementedError(
            "a size that depends on data: tensors without memory have numbers for sizes here"
        )


def get_ctx() -> _Context:
    """The context of the function without memory that is running."""
    return _Context()


def get_kernel(op: object, dispatch_key: str) -> Callable:
    """What runs of an operator on a device type."""
    return operator_of(op).kernel(_device(dispatch_key))
