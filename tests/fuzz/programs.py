"""Random programs, run by PyTorch and by tritonnn: results, types, strides, gradients and refusals have to agree.

    python tests/fuzz/programs.py --count 1000 [--seed 0] [--minutes 5] [--steps 20] [--device cuda] [--show 7]

A program is a list of Python lines such as `v7 = v3[:, 1:]` or `v2.add_(v5)`, written line by line while PyTorch runs
it, so that most lines are valid and some are not. Where the two differ the lines that do not matter are taken away
until only what shows the difference is left. Numbers are small multiples of 1/4: nearly all arithmetic is exact, and what
is not exact is kept away from what jumps (floor, comparisons, sorting).
"""

from __future__ import annotations

import argparse
import re
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_NAME = re.compile(r"\bv\d+\b")
_TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-4, "complex64": 2e-4, "bfloat16": 0.06, "float16": 8e-3}


# ---- running ----------------------------------------------------------------------------------------------------


def leaf_maker(library: Any, device: str) -> Callable[..., Any]:
    """`leaf(seed, shape, dtype, requires_grad)`: the same numbers in every library."""

    def leaf(seed: int, shape: tuple[int, ...], dtype: str, requires_grad: bool = False) -> Any:
        rng = np.random.default_rng(seed)
        values = rng.integers(-8, 9, shape) / 4
        if dtype.startswith("complex"):
            values = values + 1j * rng.integers(-8, 9, shape) / 4
        elif dtype == "bool":
            values = values > 0
        elif not dtype.startswith(("float", "bfloat")):
            values = rng.integers(0 if dtype == "uint8" else -4, 5, shape)
        tensor = library.tensor(np.asarray(values).tolist(), dtype=getattr(library, dtype)).reshape(shape).to(device)
        return tensor.detach().requires_grad_(requires_grad)

    return leaf


class Run:
    """A library's variables while it runs a program."""

    def __init__(self, library: Any, device: str = "cpu") -> None:
        self.library = library
        self.names: dict[str, Any] = {"torch": library, "leaf": leaf_maker(library, device)}
        self.grads: dict[str, Any] = {}

    def step(self, line: str) -> Exception | None:
        """Run one line; what it raised."""
        try:
            exec(compile(line, "<program>", "exec"), self.names)
        except Exception as error:  # every refusal is compared
            return error
        return None

    def tensors(self) -> dict[str, Any]:
        """The variables by name, in the order they were made."""
        return {name: value for name, value in self.names.items() if _NAME.fullmatch(name)}

    def backward(self) -> Exception | None:
        """Gradients of the sum of all that can be differentiated."""
        parts = [v for v in self.tensors().values() if facts(v).get("requires_grad") and v.numel()]
        if not parts:
            return None
        try:
            loss = sum(((v.real if v.is_complex() else v) * 1.0).double().sum() for v in parts)
            loss.backward()
        except Exception as error:
            return error
        return None


def facts(tensor: Any) -> dict[str, Any]:
    """What is compared of a tensor beside its values."""
    try:
        leaf = tensor.is_leaf
    except RuntimeError as error:  # a view of a written multi-view
        return {"is_leaf": type(error).__name__}
    shape = tuple(tensor.shape)
    strides = [s for s, n in zip(tensor.stride(), shape, strict=True) if n > 1] if tensor.numel() else []
    return {
        "dtype": str(tensor.dtype), "shape": shape, "stride": strides, "requires_grad": tensor.requires_grad,
        "is_leaf": leaf, "storage_offset": tensor.storage_offset() if tensor.numel() else 0,
    }  # fmt: skip


def values_of(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) in ("torch.bfloat16", "torch.float16"):
        tensor = tensor.float()
    if hasattr(tensor, "resolve_conj"):
        tensor = tensor.resolve_conj().resolve_neg()
    return np.asarray(tensor.numpy())


def differ(name: str, expected: Any, got: Any, tolerance: float) -> str | None:
    """What is different between two tensors, in words; None where nothing is."""
    if expected is None or got is None:
        return None if expected is got else f"{name}: {'a tensor' if expected is not None else None} expected, got {got}"
    have = facts(got)
    for what, wanted in facts(expected).items():
        if wanted != have.get(what):
            return f"{name}.{what}: {wanted} expected, got {have.get(what)}"
    if "shape" not in facts(expected):
        return None
    a, b = values_of(expected), values_of(got)
    tolerance = 0.0 if a.dtype.kind in "biu" else tolerance
    scale = float(np.max(np.abs(a[np.isfinite(a)]), initial=0)) if a.dtype.kind in "fc" else 0
    with np.errstate(all="ignore"):
        if not np.allclose(a, b, rtol=tolerance, atol=tolerance * max(scale, 1), equal_nan=True):
            return f"{name}: {a.tolist()} expected, got {b.tolist()}"
    return None


def kind(error: Exception | None) -> str:
    return "no error" if error is None else type(error).__name__


def refusals(where: str, first: Exception | None, second: Exception | None) -> str | None:
    """How two outcomes differ; None where both refused with the same type, or neither did."""
    if kind(first) == kind(second):
        return None
    said = [f"{kind(e)} ({str(e).splitlines()[0][:160] if str(e) else ''})" if e else "no error" for e in (first, second)]
    return f"{where}: {said[0]} expected, got {said[1]}"


def compare(lines: list[str], truth: Any, library: Any, device: str = "cpu") -> str | None:
    """The first difference that a program shows; None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, got = Run(truth), Run(library, device)
        tolerance = 0.0  # of the least precise type so far, from which numbers may come
        for line in lines:
            if any(name not in expected.names for name in _NAME.findall(line.split(" = ", 1)[-1])):
                return None  # a shrunk program without what it needs
            first, second = expected.step(line), got.step(line)
            if isinstance(first, NameError):
                return None
            if text := refusals(f"`{line}`", first, second):
                return text
            for name in _NAME.findall(line)[:1]:
                kind_of_number = str(expected.names[name].dtype)[6:] if name in expected.names else ""
                tolerance = max(tolerance, _TOLERANCE.get(kind_of_number, 0.0))
            for name in dict.fromkeys(_NAME.findall(line)):
                if name in expected.names and (text := differ(name, expected.names[name], got.names.get(name), tolerance)):
                    return f"`{line}`: {text}"
        for name, tensor in expected.tensors().items():
            if text := differ(name, tensor, got.names[name], tolerance):
                return f"at the end: {text}"
        first, second = expected.backward(), got.backward()
        if text := refusals("backward", first, second):
            return text
        for name, tensor in expected.tensors().items():
            if facts(tensor)["is_leaf"] is True and (text := differ(f"{name}.grad", tensor.grad, got.names[name].grad, tolerance)):
                return text
    return None


def shrunk(lines: list[str], fails: Callable[[list[str]], bool]) -> list[str]:
    """The program without the lines that it fails without."""
    size = len(lines) // 2
    while size:
        start = len(lines)
        while start > 0:
            start = max(start - size, 0)
            fewer = lines[:start] + lines[start + size :]
            if fewer and fails(fewer):
                lines = fewer
        size //= 2
    return lines


# ---- writing -----------------------------------------------------------------------------------------------------


class Writer:
    """Writes a program while PyTorch runs it."""

    def __init__(self, truth: Any, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.run = Run(truth)
        self.lines: list[str] = []
        self.inexact: set[str] = set()  # variables whose last bits may differ
        self.count = 0

    def pick(self, items: Any) -> Any:
        items = list(items)
        return items[int(self.rng.integers(len(items)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def number(self) -> Any:
        return self.pick((0, 1, 2, -1, 3, 0.5, -1.25, 2.0))

    def variable(self, fits: Callable[[Any], bool] = lambda t: True, exact: bool = False) -> str:
        """The name of a tensor that fits; with a small chance of any."""
        known = self.run.tensors()
        names = [n for n, t in known.items() if fits(t) and not (exact and n in self.inexact)]
        if not names or self.chance(0.02):
            names = [n for n in known if not (exact and n in self.inexact)] or ["v0"]
        return self.pick(names[-6:] if self.chance(0.6) else names)

    def tensor(self, name: str) -> Any:
        return self.run.names[name]

    def fresh(self) -> str:
        self.count += 1
        return f"v{self.count - 1}"

    def leaf(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> str:
        if shape is None:
            shape = tuple(self.pick((0, 1, 2, 3, 3, 4)) for _ in range(self.pick((0, 1, 2, 2, 3))))
        dtype = dtype or self.pick(("float64",) * 4 + ("float32",) * 3 + ("int64", "bool", "complex128", "bfloat16", "int32", "uint8"))
        grad = dtype.startswith(("float", "complex", "bfloat")) and self.chance(0.6)
        name = self.fresh()
        self.emit(f"{name} = leaf({int(self.rng.integers(1000))}, {shape}, '{dtype}', {grad})")
        return name

    def emit(self, line: str, inexact: bool = False) -> None:
        """Run a line and keep it; a result of a result that is not exact is not either."""
        known = self.run.tensors()
        head, _, tail = line.rpartition(" = ") if _NAME.match(line) else ("", "", line)
        used = _NAME.findall(tail) + (_NAME.findall(head) if "[" in head else [])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            error = self.run.step(line)
        self.lines.append(line)
        tainted = inexact or any(n in self.inexact for n in used)
        if error is not None:
            return
        targets = [head] if _NAME.fullmatch(head) else []
        if tainted:
            if not targets or "_(" in line:  # in place: everything that shares the memory
                written = self.tensor(used[0] if "[" not in head else _NAME.findall(head)[0])
                pointer = written.untyped_storage().data_ptr()
                targets += [n for n, t in known.items() if t.untyped_storage().data_ptr() == pointer]
            self.inexact.update(targets)
            for name in targets:  # and its views, later ones too
                pointer = self.tensor(name).untyped_storage().data_ptr()
                self.inexact.update(n for n, t in known.items() if t.untyped_storage().data_ptr() == pointer)
        if targets and not hasattr(self.run.names[targets[0]], "untyped_storage"):
            self.lines.pop()  # no tensor: of no use to what follows
            self.run.names.pop(targets[0])


def like(t: Any) -> Callable[[Any], bool]:
    """Shapes that broadcast with one."""

    def fits(other: Any) -> bool:
        pairs = zip(reversed(t.shape), reversed(other.shape))
        return all(a == b or 1 in (a, b) for a, b in pairs)

    return fits


def floating(t: Any) -> bool:
    return bool(t.is_floating_point())


def real(t: Any) -> bool:
    return not t.is_complex()


def whole(t: Any) -> bool:
    return not t.is_floating_point() and not t.is_complex()


def dim_of(w: Writer, t: Any) -> int:
    n = t.dim() or 1
    return int(w.rng.integers(-n, n)) if not w.chance(0.02) else n + 1


def index_of(w: Writer, t: Any) -> str:
    """What may stand between brackets: integers, slices, None, ..., masks and lists."""
    parts: list[str] = []
    used_ellipsis = False
    for extent in t.shape:
        choice = w.rng.random()
        if choice < 0.2 and extent:
            parts.append(str(int(w.rng.integers(-extent, extent))))
        elif choice < 0.55:
            start, stop, step = w.pick(("", 0, 1, -1, -2)), w.pick(("", 1, 2, 3, -1)), w.pick(("", "", 2))
            parts.append(f"{start}:{stop}:{step}" if step else f"{start}:{stop}")
        elif choice < 0.62 and extent:
            parts.append(str([int(i) for i in w.rng.integers(-extent, extent, 2)]))
        elif choice < 0.67:
            parts.append("None")
        elif choice < 0.72 and not used_ellipsis:
            used_ellipsis = True
            parts.append("...")
            break
        else:
            parts.append(":")
        if w.chance(0.15):
            break
    return ", ".join(parts) or "..."


def view_line(w: Writer) -> None:
    x = w.variable()
    t = w.tensor(x)
    d, e = dim_of(w, t), dim_of(w, t)
    extent = t.shape[d] if t.dim() and -t.dim() <= d < t.dim() else 1
    order = [int(i) for i in w.rng.permutation(t.dim())]
    shape = [int(n) for n in t.shape]
    flat = w.pick(([-1], [t.numel()], [1, *shape], [*shape[:-2], -1] if t.dim() > 1 else [-1, 1], [*shape, 1]))
    w.emit(f"{w.fresh()} = " + w.pick((
        f"{x}[{index_of(w, t)}]", f"{x}[{index_of(w, t)}]", f"{x}.transpose({d}, {e})", f"{x}.permute({order})",
        f"{x}.view({flat})", f"{x}.reshape({flat})", f"{x}.unsqueeze({d})", f"{x}.squeeze({d})", f"{x}.squeeze()",
        f"{x}.select({d}, {int(w.rng.integers(0, max(extent, 1)))})", f"{x}.narrow({d}, 0, {max(extent - 1, 0)})",
        f"{x}.expand({[w.pick((2, 3)), *[n if n != 1 else w.pick((1, 4)) for n in shape]]})", f"{x}.diagonal()",
        f"{x}.flatten({min(d, e) if (d < 0) == (e < 0) else 0}, {max(d, e) if (d < 0) == (e < 0) else -1})",
        f"{x}.unfold({d}, {max(min(extent, 2), 1)}, 1)", f"{x}.movedim({d}, {e})", f"{x}.T" if t.dim() == 2 else f"{x}.mT",
        f"{x}.chunk(2, {d})[0]", f"{x}.split({max(extent // 2, 1)}, {d})[-1]", f"{x}.unbind({d})[0]", f"{x}.detach()",
        f"torch.view_as_real({x})" if t.is_complex() else f"{x}.swapaxes({d}, {e})", f"{x}.view_as({x})",
        f"{x}.contiguous()", f"{x}.clone()", f"{x}.real", f"{x}.t()" if t.dim() < 3 else f"{x}.adjoint()",
        f"{x}.unflatten({d}, [1, {extent}])", f"{x}.expand_as({x})", f"{x}.data",
    )))  # fmt: skip


UNARY = "exp sin cos tanh sigmoid sqrt log expm1 log1p rsqrt erf atan asinh"
EXACT = "abs neg square relu positive sign"
JUMPING = "floor ceil round trunc frac"


def unary_line(w: Writer) -> None:
    group = w.pick((UNARY, EXACT, JUMPING))
    x = w.variable(real if group is not UNARY else lambda t: True, exact=group is JUMPING)
    w.emit(f"{w.fresh()} = {x}.{w.pick(group.split())}()", inexact=group is UNARY)


def binary_line(w: Writer) -> None:
    x = w.variable()
    t = w.tensor(x)
    y = w.variable(like(t)) if w.chance(0.7) else str(w.number())
    op = w.pick(("+", "-", "*", "/", "+", "*", "-"))
    line = w.pick((f"{x} {op} {y}", f"{x} {op} {y}", f"{y} {op} {x}", f"torch.add({x}, {y}, alpha=2)", f"{x}.mul({y})"))
    w.emit(f"{w.fresh()} = {line}", inexact="/" in line)


def jumping_line(w: Writer) -> None:
    x = w.variable(real, exact=True)
    t = w.tensor(x)
    y = w.variable(lambda u: real(u) and like(t)(u), exact=True) if w.chance(0.7) else str(w.number())
    op = w.pick(("//", "%", "<", ">=", "==", "!=", "&", "|", "^", "**"))
    if op == "**":
        y = str(w.pick((2, 3, 1, 0)))
    line = w.pick((f"{x} {op} {y}", f"{x} {op} {y}", f"torch.maximum({x}, {x} * 1)", f"torch.logical_and({x}, {x} > 0)",
                   f"torch.remainder({x}, {y})", f"torch.fmod({x}, {y})", f"torch.minimum({x}, {y if y[0] == 'v' else x})"))  # fmt: skip
    w.emit(f"{w.fresh()} = {line}")


def cast_line(w: Writer) -> None:
    x = w.variable(exact=True)
    t = w.tensor(x)
    goal = w.pick(("float64", "float32", "float64", "bfloat16", "int64", "int32", "bool", "complex128", "uint8", "float16"))
    values = values_of(t)
    if not goal.startswith(("float", "bfloat", "complex", "bool")) and not (np.abs(values) < 200).all():
        goal = "float64"  # what does not fit becomes anything
    if goal == "uint8" and values.dtype.kind != "c" and (values < 0).any():
        goal = "int64"
    w.emit(f"{w.fresh()} = {x}.to(torch.{goal})", inexact=goal in ("bfloat16", "float16"))


def reduction_line(w: Writer) -> None:
    name = w.pick("sum mean prod amax amin any all logsumexp cumsum std var argmax max min norm cumprod count_nonzero".split())
    exact = name in ("amax", "amin", "argmax", "max", "min", "any", "all", "count_nonzero")
    x = w.variable(floating if name in ("logsumexp", "std", "var", "mean", "norm") else real, exact=exact)
    t = w.tensor(x)
    d, keep = dim_of(w, t), w.pick((True, False))
    if name in ("cumsum", "cumprod"):
        call = f"{x}.{name}({d})"
    elif name in ("max", "min"):
        call = w.pick((f"{x}.{name}()", f"{x}.{name}({d}, {keep}).values"))
    elif name == "argmax":
        call = f"{x} + 0"  # of equal numbers any place may be given
    elif name == "count_nonzero":
        call = w.pick((f"{x}.count_nonzero()", f"{x}.count_nonzero({d})"))
    elif name == "logsumexp":
        call = f"{x}.logsumexp({d}, {keep})"
    elif name == "norm":
        call = w.pick((f"{x}.norm()", f"{x}.norm(1)", f"{x}.norm(2, {d})"))
    elif name in ("amax", "amin"):
        call = w.pick((f"{x}.{name}({d}, {keep})", f"{x}.{name}()"))
    else:
        call = w.pick((f"{x}.{name}()", f"{x}.{name}({d})", f"{x}.{name}({d}, keepdim={keep})"))
    inexact = name in ("mean", "logsumexp", "std", "var", "norm") or str(t.dtype) in ("torch.bfloat16", "torch.float16")
    w.emit(f"{w.fresh()} = {call}", inexact)


def matrix_line(w: Writer) -> None:
    x = w.variable(lambda t: t.dim() > 0)
    t = w.tensor(x)
    extent = t.shape[-1] if t.dim() else 1
    y = w.variable(lambda u: u.dtype == t.dtype and u.dim() > 0 and u.shape[-2 if u.dim() > 1 else -1] == extent)
    if w.tensor(y).dtype != t.dtype or w.chance(0.3):
        y = w.leaf((extent, 2), str(t.dtype)[6:])
    w.emit(f"{w.fresh()} = " + w.pick((f"{x} @ {y}", f"torch.matmul({x}, {y})", f"torch.einsum('...i,ij->...j', {x}, {y})")),
           inexact=str(t.dtype) in ("torch.bfloat16",))  # fmt: skip


def join_line(w: Writer) -> None:
    x = w.variable()
    t = w.tensor(x)
    y = w.variable(lambda u: u.shape == t.shape)
    d = dim_of(w, t)
    w.emit(f"{w.fresh()} = " + w.pick((
        f"torch.cat([{x}, {y}], {d})", f"torch.stack([{x}, {y}], {d})", f"torch.where({x} == 0, {x}, {y})" if t.dtype != "x" else "",
        f"{x}.flip({d})", f"{x}.roll(1, {d})", f"{x}.repeat({[2, *[1] * t.dim()]})", f"{x}.tril()", f"{x}.repeat_interleave(2, {d})",
        f"torch.hstack([{x}, {y}])", f"{x}.tile(2)",
    )))  # fmt: skip


def gather_line(w: Writer) -> None:
    x = w.variable(lambda t: t.dim() > 0 and t.numel() > 0)
    t = w.tensor(x)
    d = int(w.rng.integers(0, max(t.dim(), 1)))
    extent = t.shape[d] if t.dim() else 1
    index = [int(i) for i in w.rng.integers(0, max(extent, 1), 3)]
    i = f"torch.tensor({index})"
    if x != "cpu" and t.dim():
        i = f"torch.tensor({index}, device={x}.device)"
    where = f"({x} * 1 == {x})"
    spread = f"torch.zeros({[int(n) for n in t.shape]}, dtype=torch.int64, device={x}.device)"
    w.emit(f"{w.fresh()} = " + w.pick((
        f"{x}.index_select({d}, {i})", f"{x}[{', '.join([':'] * d + [i])}]", f"{x}.gather({d}, {spread})", f"{x}[{where}]",
        f"{x}.masked_select({where})", f"{x}.take({i} % {max(t.numel(), 1)})", f"{x}.index_add({d}, {i}, {x}.index_select({d}, {i}))",
        f"{x}.scatter({d}, {spread}[..., :1], 2)", f"{x}.scatter_add({d}, {spread}, {x})", f"{x}.index_fill({d}, {i}, 3)",
        f"{x}.masked_fill({where}, 1)", f"{x}.index_put(({i} % {max(int(t.shape[0]) if t.dim() else 1, 1)},), torch.ones((), dtype={x}.dtype, device={x}.device))",
        f"{x}.index_copy({d}, {i}, {x}.index_select({d}, {i}))", f"{x}.sort({d}).values", f"{x}.topk(1, {d}).values",
    )))  # fmt: skip


def write_line(w: Writer) -> None:
    x = w.variable()
    t = w.tensor(x)
    y = w.variable(lambda u: u.dim() <= t.dim() and like(t)(u) and u.dtype == t.dtype)
    other = y if w.chance(0.6) else str(w.number())
    index = index_of(w, t)
    d = int(w.rng.integers(0, max(t.dim(), 1)))
    w.emit(w.pick((
        f"{x}.add_({other})", f"{x}.mul_({other})", f"{x}.sub_({other})", f"{x}.copy_({y})", f"{x}.zero_()", f"{x}.fill_(2)",
        f"{x}[{index}] = {w.number()}", f"{x}[{index}] = {x}[{index}] * 2", f"{x}[{index}] += 1", f"{x}.neg_()", f"{x}.relu_()",
        f"{x}.clamp_(-1, 1)", f"{x}.masked_fill_({x} == 0, 1)", f"{x}[{x} == 1] = 2", f"{x}.square_()", f"{x}.t_()" if t.dim() == 2 else f"{x}.unsqueeze_(0)",
        f"{x}.index_fill_({d}, torch.tensor([0], device={x}.device), 1)", f"{x}.requires_grad_()", f"{x}.detach_()", f"{x} += {other}", f"{x} *= 2",
        f"{x}.div_(2)", f"{x}.exp_()", f"{x}.squeeze_()", f"{x}.transpose_({d}, -1)",
    )), inexact=False)  # fmt: skip


LINES: tuple[tuple[Callable[[Writer], None], int], ...] = (
    (view_line, 6), (unary_line, 3), (binary_line, 5), (jumping_line, 3), (cast_line, 1), (reduction_line, 3),
    (matrix_line, 2), (join_line, 2), (gather_line, 3), (write_line, 6),
)  # fmt: skip
_CHOICES = [line for line, weight in LINES for _ in range(weight)]


def write(truth: Any, seed: int, steps: int) -> list[str]:
    """A program of so many steps, the same for the same seed."""
    w = Writer(truth, seed)
    for _ in range(3):
        w.leaf()
    for _ in range(steps):
        if w.chance(0.06):
            w.leaf()
        w.pick(_CHOICES)(w)
    return w.lines


# ---- the command -----------------------------------------------------------------------------------------------


def differences(truth: Any, library: Any, seeds: Iterator[int], steps: int, device: str, until: float) -> Iterator[tuple]:
    """(seed, shrunk program, difference) of the programs that show one."""
    for seed in seeds:
        if time.monotonic() > until:
            return
        lines = write(truth, seed, steps)
        text = compare(lines, truth, library, device)
        if text is not None:
            small = shrunk(lines, lambda fewer: compare(fewer, truth, library, device) is not None)
            yield seed, small, compare(small, truth, library, device)
        else:
            yield seed, lines, None


def main() -> int:
    """Run programs; 1 where a difference is not explained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--device", default="cpu", help="tritonnn's; PyTorch always runs on the CPU")
    parser.add_argument("--show", type=int, help="print the program of a seed and its difference")
    options = parser.parse_args()
    import torch as truth

    import tritonnn as library

    if options.show is not None:
        lines = write(truth, options.show, options.steps)
        print("\n".join(lines), compare(lines, truth, library, options.device), sep="\n\n")
        return 0
    seeds = iter(range(options.seed, options.seed + options.count))
    until = time.monotonic() + options.minutes * 60
    found, done = 0, 0
    kinds: Counter[str] = Counter()
    for seed, lines, text in differences(truth, library, seeds, options.steps, options.device, until):
        done += 1
        if text is None:
            continue
        found += 1
        kinds[re.sub(r"\d+", "N", text)[:100]] += 1
        print(f"---- seed {seed}", *lines, f"# {text}", sep="\n", flush=True)
    for text, number in kinds.most_common():
        print(number, text)
    print(f"{done} programs, {found} differences")
    return int(found > 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        traceback.print_exc()
        sys.exit(130)
