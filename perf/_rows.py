"""What the report measures: rows, from `perf/rows/*.py` and from the `perf=` of op table entries.

A row is a function that prepares inputs and returns the call to time. It is given the library (tritonnn or
torch, whose interfaces agree) and a maker of random tensors, so one row measures every peer:

    @row("overhead", "add, 8 elements", unit="host")
    def _(lib, make):
        x, y = make(8), make(8)
        return lambda: x + y

What is called on tensors of several shapes and dtypes, forward and backward, is an entry of `_entries.py`
instead, which makes all of its rows. An op's entry declares rows beside its samples, and they are collected
from there:

    @primitive(..., perf=lambda make: [Perf("8192 x 4096", make(8192, 4096), dim=-1)])
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from _first import FIRST
from _goals import Goal

HERE = Path(__file__).resolve().parent
BOTH = ("cpu", "cuda")
_collected: list[Row] = []


def itself(result: Any) -> Any:
    """What a call returned is what is compared."""
    return result


@dataclass(frozen=True)
class Call:
    """What a row's `setup` may return instead of a plain function.

    Attributes:
        call: what is timed.
        look: `look(result)` gives the tensors whose values are compared with the other library's.
        changes: whether the call changes what it works on, so that its second result is another than its first.
    """

    call: Callable[[], Any]
    look: Callable[[Any], Any] = itself
    changes: bool = False

    def __call__(self) -> Any:
        """A call."""
        return self.call()


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes:
        family: the table it stands in.
        name: what tells it from the others of its family.
        setup: `setup(lib, make)` returns the call to time, or raises where the library lacks it.
        flops: floating-point operations of a call; 0 where memory is what counts.
        nbytes: bytes a call must read and write at least.
        dtype: element type of the inputs, as the name of a dtype.
        devices: where it is measured.
        unit: 'device' times the work, 'host' the time a call takes to return, 'import' a fresh interpreter.
        quick: whether `--quick` keeps it.
        size: 'small', 'typical' or 'huge', where a row has sisters of other sizes.
        stage: 'forward', 'backward', or 'both' for one after the other.
        precision: the setting of `set_float32_matmul_precision` it is measured under.
        compiled: whether torch.compile is measured, too.
        goal: what it should reach.
        compare: what of the result must be as the other library's: 'values', 'mean' (values, by their mean distance,
            of a whole model), 'moments' (mean and spread, of random numbers), 'shape' (of what is not initialised), or
            '' for nothing.
        items: (how many, of what) a call works through, such as (8192, "tokens").
        seconds: limit of the row, where it needs more than others.
    """

    family: str
    name: str
    setup: Callable[[Any, Any], Callable[[], Any]]
    flops: float = 0
    nbytes: float = 0
    dtype: str = "float32"
    devices: tuple[str, ...] = BOTH
    unit: str = "device"
    quick: bool = False
    size: str = ""
    stage: str = "forward"
    precision: str = "highest"
    compiled: bool = False
    goal: Goal | None = None
    compare: str = "values"
    items: tuple[float, str] | None = None
    seconds: float | None = None

    @property
    def key(self) -> str:
        """Names the row across processes."""
        return f"{self.family}/{self.name}/{self.dtype}"

    @property
    def math(self) -> str:
        """The arithmetic of its products: the dtype, or 'tf32' where the precision allows that."""
        return "tf32" if self.dtype == "float32" and self.precision != "highest" else self.dtype

    @property
    def rank(self) -> int:
        """Roofs, then the short report's goals, its other rows, further goals, and the rest."""
        if self.family == "roof":
            return 0
        return (1 if self.goal else 2) if self.quick else (3 if self.goal else 4)

    @property
    def turn(self) -> int:
        """When it is measured: what `_first.FIRST` names comes in that order, then the others by rank."""
        return FIRST.index(self.key) if self.key in FIRST else len(FIRST) + self.rank

    def facts(self) -> dict[str, Any]:
        """What is known without measuring."""
        plain = (
            "family", "name", "dtype", "flops", "nbytes", "unit", "size", "stage", "math", "key", "compare", "items",
        )  # fmt: skip
        return {
            **{k: getattr(self, k) for k in plain},
            "goal": self.goal.as_dict() if self.goal else {},
        }


def row(family: str, name: str, **options: Any) -> Callable[[Callable], Callable]:
    """Decorator that adds the function to the report as a row's `setup`."""

    def add(setup: Callable) -> Callable:
        _collected.append(Row(family, name, setup, **options))
        return setup

    return add


def add(new: Row) -> None:
    """Put a row into the report."""
    _collected.append(new)


def load(device: str, families: set[str] | None = None, quick: bool = False, package: str = "") -> list[Row]:
    """The rows of a device, in the order of the families' files, each key once; with a package, its entries' and the
    roofs."""
    _collected.clear()
    for path in sorted((HERE / "rows").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"perf_rows_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    rows = [*_collected, *from_op_table(device)]
    if package:
        rows = [*[r for r in _collected if r.family == "roof"], *from_package(package)]
    by_key: dict[str, Row] = {}
    for r in rows:
        if (
            device in r.devices
            and (not families or r.family in families)
            and (r.quick or r.key in FIRST or not quick)
        ):
            by_key.setdefault(r.key, r)
    return sorted(
        by_key.values(), key=lambda r: r.family != "roof"
    )  # the roofs first: the rest stands under them


def names(text: str) -> list[str]:
    """Names between commas; a comma before a space belongs to a name."""
    return [name for name in re.split(r",(?! )", text) if name]


def chosen(rows: list[Row], patterns: list[str]) -> list[Row]:
    """The rows whose key, family or family/name one of the patterns matches; ValueError names what matches nothing."""
    picked: dict[str, Row] = {}
    for pattern in patterns:
        matching = [
            r
            for r in rows
            if any(fnmatchcase(name, pattern) for name in (r.key, r.family, f"{r.family}/{r.name}"))
        ]
        if not matching:
            raise ValueError(f"no row is called {pattern!r}; --list shows them all")
        picked.update((r.key, r) for r in matching)
    return list(picked.values())


def from_op_table(device: str) -> Iterator[Row]:
    """Rows that op entries declare. Only labels and counts are read here; inputs are made when a row is
    measured."""
    from tritonnn.ops import whole
    from tritonnn.table import OPS

    whole()
    for op in OPS.values():
        yield from _of_entry(op, _entry_setup)


def from_package(package: str) -> Iterator[Row]:
    """Rows that the entries of another package declare; other libraries have no such functions."""
    from tritonnn.library import load as load_package

    for op in load_package(package):
        yield from _of_entry(op, _package_setup)


def _of_entry(op: Any, make_setup: Callable) -> Iterator[Row]:
    for i, declared in enumerate(op.perf(_Shapes()) if op.perf else ()):
        nbytes = declared.nbytes or _traffic(declared, declared.dtype)
        options = {k: getattr(declared, k) for k in ("flops", "dtype", "devices", "quick")}
        yield Row(op.family, f"{op.name} {declared.label}", make_setup(op, i), nbytes=nbytes, **options)


def _package_setup(op: Any, index: int) -> Callable[[Any, Any], Callable[[], Any]]:
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        if lib.__name__ != "tritonnn":
            raise AttributeError(f"{lib.__name__} has no {op.name}")
        declared = op.perf(make)[index]
        return lambda: op.function(*declared.args, **declared.kwargs)

    return setup


def _entry_setup(op: Any, index: int) -> Callable[[Any, Any], Callable[[], Any]]:
    name, api, perf = op.name, op.api, op.perf

    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        home = lib.nn.functional if "functional" in api and "torch" not in api.split() else lib
        function = getattr(home, name)
        declared = perf(make)[index]
        args, kwargs = declared.args, declared.kwargs
        return lambda: function(*args, **kwargs)

    return setup


class _Shapes:
    """Stands in for the maker where only sizes are asked for."""

    def __call__(self, *shape: Any, dtype: Any = None, **options: Any) -> _Shape:
        return _Shape(shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape)

    int = bool = __call__


class _Shape:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.count = shape, 1
        for extent in shape:
            self.count *= extent


def _traffic(declared: Any, dtype: str) -> int:
    """Bytes of the inputs, and as many for the result as its largest input has: right for pointwise ops."""
    size = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}[dtype]
    counts = [v.count for v in (*declared.args, *declared.kwargs.values()) if isinstance(v, _Shape)]
    return size * (sum(counts) + max(counts, default=0))
