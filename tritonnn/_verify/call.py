"""One call of a backend's function: what it was given and made, and what its NumPy twin makes of the same."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_dtypes
import numpy as np

from tritonnn import precision
from tritonnn._call_site import CallSite, call_site
from tritonnn._verify.values import (
    TOLERANCES,
    change,
    comparable,
    described,
    fetched,
    finite,
    flat,
    mapped,
    not_finite,
    overlap,
    place_of,
    unlike,
)
from tritonnn.buffer import Buffer
from tritonnn.dispatch import QUIET, quiet_reset, quiet_set
from tritonnn.table import Op

if TYPE_CHECKING:
    from tritonnn._verify import verify

TF32_ROUNDING = 2.0**-11
PRODUCTS = ("linalg", "attention", "loss")  # families that `set_float32_matmul_precision` steers
MOVES = 3  # how many times inputs are moved by one rounding to learn what that does to a result
MOVED_TOLERANCE = 4  # times that change is allowed as well
# Floating results that jump where inputs move, though nothing is rounded on the way to the jump. Truth values and whole
# numbers, which come of comparisons and choices, are exact as well.
EXACT = frozenset({
    "ceil", "floor", "frac", "heaviside", "max_pool_backward", "mode", "nextafter", "round", "sgn", "sign", "trunc",
})  # fmt: skip
# Where the forward call of a node was made, for what is found in its backward.
sites: weakref.WeakKeyDictionary[Any, CallSite] = weakref.WeakKeyDictionary()


class Difference(NamedTuple):
    """What verify mode found.

    Attributes:
        op: name of the entry of the op table.
        kind: "difference", "non-finite" where NaN or infinity came of finite numbers, or "input" where an argument
            was changed that is only to be read.
        result: name of the result, or of the argument that was written.
        place: the index of the worst element.
        got: its value.
        expected: what the NumPy twin has there, or what was there before; None where there was none to compare with.
        module: dotted path of the module whose forward made the call (in backward: the call it belongs to).
        file: of the program's line.
        line: its number.
        message: all of it in words.
    """

    op: str
    kind: str
    result: str
    place: tuple[int, ...]
    got: Any
    expected: Any
    module: str
    file: str
    line: int
    message: str


class Call:
    """One call of a backend's function: what it was given, as it lay in memory before.

    Args:
        given: what the backend gets: results, or where it allocates the function for that, then the arguments.
        options: the dtype that a kernel of an elementwise op computes in.
        on_gpu: whether `given` are GPU buffers, not ndarrays.
    """

    def __init__(self, op: Op, given: tuple, options: dict, settings: verify, on_gpu: bool) -> None:
        self.op, self.given, self.options = op, given, options
        self.settings, self.on_gpu = settings, on_gpu
        self.outs = 1 if op.alloc else len(given) - len(op.names) + len(op.rule_only)
        self.allocated = op.alloc
        self.names = [*op.results[: self.outs]] if self.outs else []
        self.names += [name for i, name in enumerate(op.names) if i not in op.rule_only]
        seen: dict[tuple, np.ndarray] = {}
        self.before: list = (
            [mapped(value, lambda b: fetched(b, seen)) for value in given] if on_gpu else list(given)
        )
        inputs = self.before[self.outs :]
        self.finite = settings.non_finite and all(finite(value) for value in flat(inputs))

    def look(self, returned: Any) -> None:
        """Report how the results that are there now differ from the twin's, or that they are not finite.

        Before that, whether an argument is no longer what it was.
        """
        results = self.results(returned)
        if self.on_gpu and self.outs and self.changed(returned):
            return
        for name, got, expected in results:
            if name not in self.op.own_form and expected is not None and self.differs(name, got, expected):
                return
            if self.finite and not finite(got):
                # What only backward reads may be infinite: the logarithm of a sum of nothing.
                hidden = name in self.op.options.get("non_differentiable", ())
                wrong = (np.isnan if hidden else not_finite)(comparable(got))
                if not wrong.any():
                    continue
                place = place_of(wrong, wrong)
                kind = "NaN" if np.isnan(comparable(got)[place]) else "inf"
                head = f"{self.op.public_name} made {kind} out of finite numbers: "
                head += f"{int(wrong.sum())} of {got.size} elements of '{name}'"
                self.report("non-finite", head, name, place, got[place], None)
                return

    def changed(self, returned: object) -> bool:
        """Whether an argument is not, byte for byte, what it was; if so it is reported.

        What shares memory with a result may be, and what the twin writes is held to it, as results are.
        """
        made = flat([returned]) if self.allocated else flat(self.given[: self.outs])
        seen: dict[tuple, np.ndarray] = {}
        names, given, before = [part[self.outs :] for part in (self.names, self.given, self.before)]
        for name, *values in zip(names, given, before, self.after, strict=True):
            for buffer, old, after in zip(*[flat([value]) for value in values], strict=True):
                if not isinstance(buffer, Buffer) or any(overlap(buffer, out) for out in made):
                    continue
                now = fetched(buffer, seen)
                if unlike(after, old).any():
                    if self.differs(name, now, after):
                        return True
                    continue
                wrong = unlike(now, old)
                if wrong.any():
                    place = place_of(wrong, change(now, old))
                    head = f"the kernel of {self.op.public_name} changed its argument '{name}', which is only to be "
                    head += f"read, in {int(wrong.sum())} of {old.size} elements"
                    self.report("input", head, name, place, now[place], old[place])
                    return True
        return False

    def results(self, returned: object) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
        """(name, what is there, what the twin has) of each tensor that was written."""
        if self.allocated:
            outs: Sequence[Any] = returned if isinstance(returned, tuple) else (returned,)
            names: Sequence[str] = self.op.results
        elif self.outs:
            outs, names = self.given[: self.outs], self.names[: self.outs]
        else:  # it writes into some of its arguments
            pairs = [(n, v) for n, value in zip(self.names, self.given) for v in flat([value])]
            names, outs = [n for n, _ in pairs], [v for _, v in pairs]
        if not self.on_gpu:
            arrays = [(name, out) for name, out in zip(names, outs) if isinstance(out, np.ndarray)]
            return [(name, out, None) for name, out in arrays]
        twins, self.after = self.twin()
        return [
            (name, fetched(out, {}), twin)
            for name, out, twin in zip(names, outs, twins, strict=True)
            if isinstance(out, Buffer) and out.numel
        ]

    def twin(self, seed: int | None = None) -> tuple[list, list]:
        """What the NumPy function makes of the same memory; with a seed, of inputs moved by one rounding.

        And what it leaves in its arguments.
        """
        from tritonnn.cpu_fallback import cast, implementation

        copies: dict[int, np.ndarray] = {}

        def copied(array: np.ndarray) -> np.ndarray:
            if id(array) not in copies:
                copies[id(array)] = self.moved(array, seed, len(copies))
            return copies[id(array)]

        outs = [mapped(value, np.copy) for value in self.before[: self.outs]]
        args = [mapped(value, copied) for value in self.before[self.outs :]]
        after = [*args]
        compute = self.options.get("compute")
        if compute is not None:  # a kernel casts as it loads
            for place, slot in enumerate(self.op.tensor_slots):
                if slot in self.op.promoting and isinstance(args[place], np.ndarray):
                    args[place] = cast(args[place], compute.np)
        if self.allocated:
            outs = [lambda shape, dtype: np.empty(tuple(shape), dtype.np)]
        token = quiet_set(QUIET)
        try:
            results = implementation(self.op.family, self.op.own_name, self.op.package)(*outs, *args)
        finally:
            quiet_reset(token)
        if self.allocated:
            return list(results) if isinstance(results, tuple) else [results], after
        return outs if self.outs else list(flat(args)), after

    def moved(self, array: np.ndarray, seed: int | None, number: int) -> np.ndarray:
        """A copy, of floating numbers each one rounding up or down where there is a seed.

        Those of 8 bits stay: products of them are computed in float32, and one rounding of theirs is an eighth.
        """
        if seed is None or array.dtype.name not in TOLERANCES or array.dtype.itemsize == 1:
            return array.copy()
        signs = np.random.default_rng((seed, number)).choice([-1.0, 1.0], array.shape)
        token = quiet_set(QUIET)
        try:
            moved = comparable(array) * (1 + self.rounding(array.dtype) * signs)
            return np.asarray(moved, array.dtype)  # a product of 0-d arrays is no array
        finally:
            quiet_reset(token)

    def rounding(self, dtype: np.dtype) -> float:
        """What a number of the dtype is rounded by: that of tf32 where products may use it."""
        family = self.op.family.partition(".")[0]
        products = family in PRODUCTS and precision.kernel_precision() == "tf32"
        windows = family == "convolution" and precision.convolution_tf32
        if dtype == np.float32 and (products or windows):
            return TF32_ROUNDING
        return float(ml_dtypes.finfo(dtype).eps)

    def differs(self, name: str, got: np.ndarray, expected: np.ndarray) -> bool:
        """Whether the results differ beyond what is allowed; if so it is reported."""
        if got.shape != expected.shape:  # of an op whose results are as large as its data say
            head = (
                f"the kernel of {self.op.public_name} gives '{name}' the shape {got.shape}, its NumPy twin "
            )
            self.report("difference", f"{head}{expected.shape}", name, (), got.shape, expected.shape)
            return True
        a, b = comparable(got), comparable(expected)
        token = quiet_set(QUIET)
        try:
            same = (a == b) | ((a != a) & (b != b))
            if same.all():
                return False
            allowed = self.allowed(b, expected.dtype)
            off = np.abs(np.subtract(a, b, dtype=np.result_type(a, np.float64)))
            wrong = ~same & ~(off <= allowed)
            if wrong.any() and expected.dtype.name in TOLERANCES and self.op.name not in EXACT:
                allowed = allowed + MOVED_TOLERANCE * self.own_error(name, b)
                wrong = ~same & ~(off <= allowed)
            if not wrong.any():
                return False
            place = place_of(wrong, np.where(np.isnan(off), np.inf, off - allowed))
        finally:
            quiet_reset(token)
        head = f"the kernel of {self.op.public_name} differs from its NumPy twin in "
        head += f"{int(wrong.sum())} of {got.size} elements of '{name}'"
        self.report("difference", head, name, place, got[place], expected[place], allowed[place])
        return True

    def allowed(self, expected: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """The difference allowed at each element; nothing where results are whole numbers."""
        relative = TOLERANCES.get(dtype.name, 0.0)
        if dtype == np.float32:
            relative = max(relative, 4 * self.rounding(dtype))
        magnitude = np.where(np.isfinite(expected), np.abs(expected), 0.0).astype(np.float64)
        size = float(np.sqrt(np.mean(magnitude**2))) if magnitude.size else 0.0
        return relative * (self.settings.rtol_factor * magnitude + self.settings.atol_factor * size)

    def own_error(self, name: str, expected: np.ndarray) -> np.ndarray:
        """How far the result moves where the inputs do by one rounding: terms that cancel lose that much."""
        change = np.zeros(expected.shape, np.float64)
        names = self.op.results if self.allocated else self.names
        for seed in range(MOVES):
            results, after = self.twin(seed)
            moved = {**dict(zip(self.names[self.outs :], after)), **dict(zip(names, results))}.get(name)
            if isinstance(moved, np.ndarray) and moved.shape == expected.shape:
                other = comparable(moved)
                step = np.abs(np.subtract(other, expected, dtype=np.result_type(other, np.float64)))
                change = np.fmax(change, np.where(other == expected, 0.0, step))
        return change

    def report(
        self,
        kind: str,
        head: str,
        name: str,
        place: tuple,
        got: object,
        expected: object,
        allowed: object = None,
    ) -> None:
        """Say what was found, of which call, where in the program."""
        site = call_site()
        lines = [head]
        worst = f"worst element {place}: got {got}"
        if allowed is not None:
            worst += f", expected {expected}, allowed difference {allowed:.3g}"
        elif expected is not None:
            worst += f", before the call {expected}"
        lines.append(worst)
        lines += [described(n, value) for n, value in zip(self.names, self.given) if flat([value])]
        module = site.module_path()
        if site.node is None:
            lines.append(str(site))
        else:
            forward = sites.get(site.node)
            module = forward.module_path() if forward else module
            lines.append(f"in the backward of {site.node.name()}, run by {site}")
            if forward is not None:
                lines.append(f"whose forward was called {'' if module else 'at '}{forward}")
        difference = Difference(
            self.op.name, kind, name, place, got, expected, module, site.file, site.line, "\n  ".join(lines)
        )
        self.settings.report(difference)
