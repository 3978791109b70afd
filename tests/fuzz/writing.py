"""Writing random programs: line by line, while PyTorch runs them, so that most lines are valid and some are not.

Numbers are small multiples of 1/4: nearly all arithmetic is exact, and what is not exact is kept away from what jumps
(floor, comparisons, sorting, casts).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fuzz.running import NAME, Run, facts, values_of
from fuzz.templates import FAMILIES, Family

DTYPES = (
    *("float64",) * 4, *("float32",) * 3, "int64", "bool", "complex128", "bfloat16", "int32", "uint8",
    "float16", "complex64", "int8",
)  # fmt: skip
CASTS = (".to(torch.int64)", ".int()", "{type}", "out=", ".to({y})")
NUMBERS = (0, 1, 2, -1, 3, 0.5, -1.25, 2.0)


_CHOICES = [family for family in FAMILIES for _ in range(family.share)]


def broadcasts(t: Any) -> Callable[[Any], bool]:
    """Whether another tensor's shape broadcasts with that of one."""
    return lambda other: all(a == b or 1 in (a, b) for a, b in zip(reversed(t.shape), reversed(other.shape)))


def overlaps_itself(t: Any) -> bool:
    """Whether elements share memory other than by being expanded: what a write leaves there is not defined."""
    grid = np.indices(tuple(t.shape)).reshape(t.dim(), -1) if t.dim() else np.zeros((0, 1), int)
    steps = [s if n > 1 else 1 for n, s in zip(t.shape, t.stride(), strict=True)]
    places = np.dot(np.array(steps, int), grid) if t.dim() else np.zeros(1, int)
    return 0 not in steps and len(np.unique(places)) < t.numel()


def memory(t: Any) -> int:
    """Where its storage begins."""
    return int(t.untyped_storage().data_ptr())


class Writer:
    """Writes a program while PyTorch runs it."""

    def __init__(self, truth: Any, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.run = Run(truth)
        self.lines: list[str] = []
        self.inexact: set[str] = set()  # variables whose last bits may differ
        self.count = 0

    def pick(self, items: Any) -> Any:
        """One of several."""
        items = list(items)
        return items[int(self.rng.integers(len(items)))]

    def chance(self, share: float) -> bool:
        """True so often."""
        return bool(self.rng.random() < share)

    def variable(self, fits: Callable[[Any], bool], exact: bool, otherwise: str) -> str:
        """The name of a tensor that fits; with a small chance of any."""
        known = {n: t for n, t in self.run.tensors().items() if not (exact and n in self.inexact)}
        names = [n for n, t in known.items() if fits(t)]
        if not names or self.chance(0.02):
            names = list(known) or [otherwise]
        return self.pick(names[-6:] if self.chance(0.6) else names)

    def leaf(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> str:
        """A new tensor."""
        if shape is None:
            shape = tuple(self.pick((0, 1, 2, 3, 3, 4)) for _ in range(self.pick((0, 1, 2, 2, 3))))
        dtype = dtype or self.pick(DTYPES)
        grad = dtype.startswith(("float", "complex", "bfloat")) and self.chance(0.6)
        self.count += 1
        name = f"v{self.count - 1}"
        self.emit(f"{name} = leaf({int(self.rng.integers(1000))}, {shape}, '{dtype}', {grad})")
        return name

    def dim(self, t: Any) -> int:
        """A dimension; seldom one that is not there."""
        n = t.dim() or 1
        return n + 1 if self.chance(0.02) else int(self.rng.integers(-n, n))

    def index(self, t: Any) -> str:
        """What may stand between brackets: integers, slices, None, ... and lists."""
        parts: list[str] = []
        for extent in t.shape:
            choice = self.rng.random()
            if choice < 0.2 and extent:
                parts.append(str(int(self.rng.integers(-extent, extent))))
            elif choice < 0.55:
                start, stop = self.pick(("", 0, 1, -1, -2)), self.pick(("", 1, 2, 3, -1))
                parts.append(f"{start}:{stop}{self.pick(('', '', ':2'))}")
            elif choice < 0.62 and extent:
                parts.append(str([int(i) for i in self.rng.integers(-extent, extent, 2)]))
            elif choice < 0.67:
                parts.append("None")
            elif choice < 0.72:
                parts.append("...")
                break
            else:
                parts.append(":")
            if self.chance(0.15):
                break
        return ", ".join(parts) or "..."

    def crosses(self, t: Any, name: str) -> bool:
        """Whether a variable reads the memory of another in another way."""
        u = self.run.names.get(name)
        return u is not None and memory(u) == memory(t) and (u.shape, u.stride()) != (t.shape, t.stride())

    def parts(self, family: Family, template: str) -> dict[str, Any]:
        """What stands for the words of a template."""
        fits = family.fits if not family.writes else lambda t: family.fits(t) and not overlaps_itself(t)
        x = self.variable(fits, family.jumps, "v0")
        t = self.run.names[x]
        shape, d = [int(n) for n in t.shape], self.dim(t)
        extent = shape[d] if -len(shape) <= d < len(shape) else 1
        rows = [int(i) for i in self.rng.integers(0, max(extent, 1), 3)] if extent else []
        first = [int(i) for i in self.rng.integers(-shape[0], shape[0], 3)] if shape and shape[0] else []
        alike = lambda u: u.shape == t.shape and u.dtype == t.dtype
        parts = {
            "x": x, "d": d, "e": self.dim(t), "n": extent, "keep": self.chance(0.5), "index": self.index(t),
            "number": self.pick(NUMBERS), "order": [int(i) for i in self.rng.permutation(len(shape))],
            "flat": self.pick(([-1], [t.numel()], [1, *shape], [*shape[:-2], -1], [*shape, 1])),
            "wide": [self.pick((2, 3)), *[n if n != 1 else self.pick((1, 4)) for n in shape]],
            "rows": f"torch.tensor({rows}, dtype=torch.int64, device={x}.device)", "mask": f"({x} * 1 == {x})",
            "first": f"torch.tensor({first}, dtype=torch.int64, device={x}.device)",
            "some": f"(torch.arange({t.numel()}, device={x}.device).reshape({shape}) % 3 == 0)",
            "dims": sorted({self.dim(t), self.dim(t)}), "type": f"torch.{self.pick(DTYPES)}",
            "zeros": f"torch.zeros({shape}, dtype=torch.int64, device={x}.device)",
            "z": x,
        }  # fmt: skip
        asked = lambda word: f"{{{word}}}" in template
        if asked("z"):
            parts["z"] = self.variable(alike, family.jumps, x)
        if asked("l"):
            parts["l"] = self.variable(lambda u: u.requires_grad and facts(u)["is_leaf"] is True, False, x)
        if asked("o"):
            read = {memory(t), memory(self.run.names[parts["z"]])}
            parts["o"] = self.variable(lambda u: not overlaps_itself(u) and memory(u) not in read, False, x)
        tensor_y = asked("y") and self.chance(0.7)
        parts["y"] = self.variable(broadcasts(t), family.jumps, x) if tensor_y else str(self.pick(NUMBERS))
        for word in "yz":  # what reads the memory that it writes, at other places, is not defined
            if family.writes and self.crosses(t, parts[word]):
                parts[word] = x
        if asked("w"):
            parts["w"] = self.leaf((shape[-1] if shape else 1, 2), str(t.dtype).removeprefix("torch."))
        return parts

    def emit(self, line: str, inexact: bool = False) -> None:
        """Run a line and keep it; a result of what is not exact is not either."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            error = self.run.step(line)
        self.lines.append(line)
        name, *used = NAME.findall(line)
        if error is not None:
            return
        if not hasattr(self.run.names[name], "untyped_storage"):  # a number: of no use to what follows
            self.lines.pop()
            del self.run.names[name]
        elif inexact or any(n in self.inexact for n in (name, *used)):
            shared = self.run.names[name].untyped_storage().data_ptr()
            known = self.run.tensors().items()
            self.inexact.update([n for n, t in known if t.untyped_storage().data_ptr() == shared], (name,))

    def step(self) -> None:
        """Write one line."""
        family = self.pick(_CHOICES)
        template = self.pick(family.lines)
        parts = self.parts(family, template)
        if family.writes and overlaps_itself(self.run.names[parts["x"]]):
            return
        if "register_hook" in template and self.run.names[parts["x"]]._is_view():
            return  # of a view made in no_grad, it ends PyTorch's process
        if any(word in template for word in CASTS):
            if not (np.abs(values_of(self.run.names[parts["x"]])) < 60).all():
                return  # what does not fit becomes anything
            if parts["x"] in self.inexact and not family.jumps:
                return  # and whole numbers jump
        if not family.writes:
            self.count += 1
            template = f"v{self.count - 1} = {template}"
        self.emit(template.format(**parts), family.inexact)


def write(truth: Any, seed: int, steps: int) -> list[str]:
    """A program of so many steps, the same for the same seed."""
    writer = Writer(truth, seed)
    for _ in range(3):
        writer.leaf()
    for _ in range(steps):
        if writer.chance(0.06):
            writer.leaf()
        writer.step()
    return writer.lines
