"""`python -m tritonnn.ops --coverage`: what each published op has, as a table read off the op table.

A column is a row of `COLUMNS`: its title and what it says of an op.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import tritonnn
from tritonnn import dtypes
from tritonnn._families import OWN, find
from tritonnn.batching.calls import COMPOSED, DYNAMIC, LOOPED, RULES, SIZED
from tritonnn.ops import whole
from tritonnn.table import OPS, Op
from tritonnn.table.formulas import no_derivative

#: composites whose results depend on no number of their arguments, or are whole numbers or truth values
CONSTANT = frozenset((
    "empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "full_like", "empty_strided", "eye",
    "tensor", "from_numpy", "frombuffer", "scalar_tensor", "empty_permuted", "arange", "linspace", "logspace",
    "hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window", "isclose", "allclose",
    "equal", "isreal", "fftfreq", "rfftfreq", "nonzero", "argwhere", "nonzero_static", "searchsorted", "bucketize",
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "multinomial",
    "sample_dirichlet", "binomial", "histc", "isin", "argsort",
))  # fmt: skip
_REFUSING = no_derivative("").__code__
_GROUPS = {
    "bool": (dtypes.bool_,), "ints": dtypes.INTEGRAL, "halves": (dtypes.float16, dtypes.bfloat16),
    "floats": (dtypes.float32, dtypes.float64), "complex": dtypes.COMPLEX,
}  # fmt: skip


def types(op: Op) -> str:
    """The dtypes that the first tensor may have, in groups where it may have all of one."""
    named: list[str] = []
    for group, members in _GROUPS.items():
        held = [d for d in members if d in op.dtypes]
        named += [group] if len(held) == len(members) else [d.name for d in held]
    return " ".join([*named, *(["float8"] if op.float8 or {*dtypes.FLOAT8} & {*op.dtypes} else [])])


@cache
def implemented(folder: str, family: str) -> frozenset[str]:
    """The functions that a family's files in a backend's folder define, read off their text."""
    outer = Path(tritonnn.__path__[0])
    place = (outer / folder if (outer / folder).is_dir() else outer.parent / folder) / family
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    text = "\n".join([file.read_text(encoding="utf-8") for file in files if file.exists()])
    return frozenset(re.findall(r"^(?:def )?(\w+)(?:\(|(?:: [^=\n]+)? = )", text, re.MULTILINE))


def _on(op: Op, folder: str) -> str:
    if op.kind == "composite":
        return "composed"
    if op.kind in ("view", "views"):
        return "view"
    if op.host and folder == "kernels":
        return "in part" if callable(op.host) else "host"
    if op.package != OWN:
        return "yes" if find(f"{op.package}.{folder}", op.family, op.own_name) else "no"
    return "yes" if op.name in implemented(folder, op.family) or op.recorded else "no"


def _formulas(op: Op) -> list[Callable]:
    known = list((op.options.get("grad") or {}).values())
    return known if op.backward is None else [*known, op.backward]


def refuses(op: Op) -> bool:
    """Whether backward through the op says that there is no derivative."""
    formulas = _formulas(op)
    if op.name == "histogram":  # of its parts that records the refusal which stands for all
        return True
    if formulas:
        return all([f.__code__ is _REFUSING for f in formulas])
    return bool(op.grad)


def gradient(op: Op) -> str:
    """'yes' or 'no'; empty where results are constants, whole numbers or truth values, which have none."""
    if op.name in CONSTANT or not any([d.kind > 1 for d in op.dtypes]):
        return ""
    return "yes" if op.has_derivative and not refuses(op) else "no" if refuses(op) else ""


def _named(function: Any, seen: set[int]) -> list[Op]:
    """The ops that a formula calls while gradients are recorded: itself, or by functions of the library."""
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen:
        return []
    seen.add(id(code))
    if {"state", "enabled"} <= set(code.co_names):  # it has another way where it is recorded
        return []
    found: list[Op] = []
    within = (
        "tritonnn.ops" if function.__module__.startswith(f"{OWN}.") else function.__module__.partition(".")[0]
    )
    inner = [constant for constant in code.co_consts if hasattr(constant, "co_names")]
    for name in [*code.co_names, *[n for c in inner for n in c.co_names]]:
        value = function.__globals__.get(name)
        op = getattr(value, "op", None)
        if isinstance(op, Op):
            found.append(op)
        elif isinstance(value, FunctionType) and value.__module__.startswith(within):
            found += _named(value, seen)
    return found


_seconds: dict[str, str] = {}


def second(op: Op) -> str:
    """Whether the gradient has a gradient: 'no' where a formula is made of an op that has none."""
    if gradient(op) != "yes":
        return ""
    if op.name not in _seconds:
        _seconds[op.name] = "yes"  # of one that is made of itself the other parts decide
        if op.kind == "composite":
            parts = _named(op.body, set())
            lacking = [part for part in parts if second(part) == "no"]
        else:
            parts = [part for formula in _formulas(op) for part in _named(formula, set())]
            lacking = [part for part in parts if gradient(part) == "no"]
        _seconds[op.name] = "no" if lacking else "yes"
    return _seconds[op.name]


def batches(op: Op) -> str:
    """How it computes inside vmap: by a 'rule', as its parts do ('composed'), or one sample at a time ('loop')."""
    if op.name in DYNAMIC:
        return "refused"
    if op.public_name in LOOPED:
        return "loop"
    if op.name in RULES or op.name in COMPOSED or op.name in SIZED or op.result_rule is not None:
        return "rule"
    if op.options.get("vmap"):
        return "rule"
    if op.kind == "composite":
        return "composed"
    return "loop" if op.tensor_slots else ""


COLUMNS: dict[str, Callable[[Op], str]] = {
    "op": lambda op: op.public_name,
    "in": lambda op: op.api,
    "dtypes": types,
    "cpu": lambda op: _on(op, "cpu_fallback"),
    "cuda": lambda op: _on(op, "kernels"),
    "gradient": gradient,
    "second gradient": second,
    "vmap rule": batches,
    "host": lambda op: "some calls" if callable(op.host) else op.host,
}


def rows(entries: Iterable[Op] | None = None) -> list[tuple[str, ...]]:
    """A row for each published op, by name, which two may share: `torch.batch_norm` and that of `functional`.

    Args:
        entries: of which; the library's own by default.
    """
    if entries is None:
        whole()
        entries = [op for op in OPS.values() if op.package == OWN]
    published = sorted([op for op in entries if op.api], key=lambda op: (op.public_name, op.api, op.name))
    return [tuple([column(op) for column in COLUMNS.values()]) for op in published]


def main(entries: Iterable[Op] | None = None) -> int:
    """Print the table as Markdown, and how many ops have what."""
    table = rows(entries)
    widths = [max(map(len, column)) for column in zip(COLUMNS, *table, strict=True)]
    for row in (tuple(COLUMNS), tuple(["-" * width for width in widths]), *table):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("| " + " | ".join(cells) + " |")
    counts = dict(zip(COLUMNS, zip(*table, strict=True), strict=True))
    print(
        f"\n{len(table)} ops; {counts['gradient'].count('yes')} with a gradient, "
        f"{counts['second gradient'].count('yes')} with a second one; "
        f"{counts['cuda'].count('host')} run on the host for tensors of a GPU"
    )
    return 0
