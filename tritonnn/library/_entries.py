"""Entries of the op table that a package of its own declares, as the library declares its ops.

`acme/rotary.py` (or `acme/ops/rotary.py`) has the entry, `acme/cpu_fallback/rotary.py` the NumPy function of its name
and `acme/kernels/rotary.py` the kernel's. In the table it is `acme.rotary`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from tritonnn._families import OWN, modules
from tritonnn.ops import _table
from tritonnn.table import OPS, Op
from tritonnn.table.autocast import CLOSED, FLOAT32, LOWER, WIDEST

_COMMON = frozenset((
    "at_least", "autocast", "discontinuous", "dtypes", "errors", "grad", "larger_error", "perf", "reference", "samples",
    "vmap",
))  # fmt: skip
_PRIMITIVE = _COMMON | frozenset((
    "alias", "aliasing", "alloc", "backward", "float8", "host", "inplace", "keywords", "non_differentiable",
    "nondeterministic", "own_form", "preserved", "renewable", "results", "rule_only", "unrecorded",
))  # fmt: skip
_OPTIONS = {
    "primitive": _PRIMITIVE,
    "pointwise": _PRIMITIVE | {"check", "exempt", "legacy", "order", "refuse"},
    "view": _PRIMITIVE - {"alloc", "host", "inplace", "nondeterministic"},
    "writing": _PRIMITIVE - {"alloc", "inplace"},
    "composite": _COMMON | {"alias", "data", "inplace", "keywords", "no_derivative", "out"},
}
_POLICIES = (LOWER, FLOAT32, WIDEST, CLOSED)


def primitive(*, method: bool = False, **options: Any) -> Callable:
    """An op with a NumPy function and a kernel of its name; the decorated body is its rule.

    The body checks the arguments, raises `Invalid`, and returns `Out(shape, dtype)`, a tuple of them for several
    results, or `(outs, args)` with all arguments normalised.

    Args:
        method: also make it a method of Tensor, of a name that is free.
        options: as of the library's own entries (`tritonnn/ops/_table.py` has them all). Those that most have:

            - samples, errors, perf: `lambda make: [...]` of `Sample`, `Bad` and `Perf`;
            - dtypes: what the first tensor may be;
            - reference: the definition in NumPy, by another way than the NumPy function goes;
            - grad: argument -> formula, whose parameters name what it needs;
            - autocast: "lower precision", "float32", "widest" or "as it is", or one of them by device type;
            - vmap: what computes with batches: a function of a `tritonnn.batching.calls.Call` that gives results with
              the batch in front. Without one a primitive is called with one sample at a time;
            - larger_error: (how many times its own error a result may be off in tests, why);
            - at_least: (the magnitude whose rounding its error is at least, why); discontinuous: whether it jumps.
    """
    return _of_package("primitive", _table.primitive, method, options)


def pointwise(result: Callable = _table.PROMOTE, *, method: bool = False, **options: Any) -> Callable:
    """An elementwise op: the kernel is a scalar `@triton.jit` function, the NumPy one writes into `out`.

    Args:
        result: the dtype rule: PROMOTE, FLOAT or BOOL.
        method: also make it a method of Tensor.
        options: as of `primitive`; `check` looks at the arguments.
    """
    options.setdefault("inplace", False)
    return _of_package("pointwise", lambda **given: _table.pointwise(result, **given), method, options)


def view(*, method: bool = False, **options: Any) -> Callable:
    """An op that only changes the geometry; the body returns (shape, stride, offset) in elements."""
    return _of_package("view", _table.view, method, options)


def writing(*, method: bool = False, **options: Any) -> Callable:
    """A primitive that writes into tensors it is given and has no result; the body checks, and returns those."""
    return _of_package("writing", _table.writing, method, options)


def composite(*, method: bool = False, **options: Any) -> Callable:
    """An op whose body computes with other ops; devices and gradients come free."""
    return _of_package("composite", _table.composite, method, options)


def _of_package(kind: str, decorate: Callable, method: bool, options: dict[str, Any]) -> Callable:
    unknown = sorted(set(options) - _OPTIONS[kind])
    if unknown:
        raise TypeError(
            f"{kind}: no option {', '.join(unknown)}; there are {', '.join(sorted(_OPTIONS[kind]))}"
        )
    said = options.get("autocast")
    for policy in said.values() if isinstance(said, dict) else () if said is None else (said,):
        if policy not in _POLICIES:
            raise ValueError(f"{kind}: autocast must be one of {', '.join(_POLICIES)}, got {policy!r}")

    def declare(body: Callable) -> Any:
        module = body.__module__
        package = module.rpartition(".")[0]
        if not package or package.partition(".")[0] == OWN:
            raise ValueError(
                f"{body.__name__}: an entry stands in a module of a package, beside which its kernels/ and "
                f"cpu_fallback/ are found, not in {module!r}. Hint: torch.library.custom_op makes an operator of a "
                "function anywhere"
            )
        return decorate(api="package tensor" if method else "package", **options)(body)

    return declare


def load(package: str) -> list[Op]:
    """Import a package, all modules of its `ops` folder among it, and return its entries.

    Raises:
        ModuleNotFoundError: there is no such package.
        ValueError: it has no entries.
    """
    importlib.import_module(package)
    try:
        modules(importlib.import_module(f"{package}.ops"))
    except ModuleNotFoundError as error:
        if error.name != f"{package}.ops":
            raise
    found = entries(package)
    if not found:
        raise ValueError(
            f"the package {package!r} declares no entries (tritonnn.library.primitive and the like)"
        )
    return found


def entries(package: str) -> list[Op]:
    """The entries of a package that are in the table, those of packages in it among them."""
    return [op for op in OPS.values() if f"{op.package}.".startswith(f"{package}.")]


def remove(package: str) -> None:
    """Take a package's entries out of the table, and the package out of what is imported: the next import reads it.

    To read a changed module again `importlib.reload` is enough: its entries replace those that it had.
    """
    if package.partition(".")[0] == OWN:
        raise ValueError("the library's own entries stay")
    for op in entries(package):
        _table.remove(op)
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]:
        del sys.modules[name]
