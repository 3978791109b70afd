"""What is too large, of a wrong rank or of a wrong kind is refused by the library, not by Python or NumPy inside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support import ops, samples

import tritonnn as torch
from tritonnn.errors import Invalid, is_explained

F = torch.nn.functional
HUGE, LONG = 2**62, 2**70

# call of (x (2, 3), a scalar tensor) -> (exception, what its text names)
CALLS: dict[str, tuple[Callable[[Any, Any], Any], type, str]] = {
    "zeros": (lambda x, z: torch.zeros(HUGE), RuntimeError, r"overflowed with sizes=\[4611686018427387904\]"),
    "zeros of 4 TiB": (lambda x, z: torch.zeros(2**42), RuntimeError, "can't allocate memory: .* bytes"),
    "zeros, negative": (lambda x, z: torch.zeros(2, -1), RuntimeError, r"negative dimension -1: \[2, -1\]"),
    "zeros of 70 dimensions": (lambda x, z: torch.zeros([1] * 70), RuntimeError, "at most 64 dimensions, got 70"),
    "eye": (lambda x, z: torch.eye(2**40), RuntimeError, "overflowed with sizes"),
    "expand": (lambda x, z: x.expand(HUGE, 2, 3), RuntimeError, "integer multiplication overflow"),
    "pad": (lambda x, z: F.pad(x, (HUGE, 0)), RuntimeError, "overflowed with sizes"),
    "adaptive pooling": (lambda x, z: F.adaptive_avg_pool1d(x, HUGE), RuntimeError, "overflowed with sizes"),
    "tril": (lambda x, z: x.tril(LONG), ValueError, "tril: Overflow when unpacking long long: argument 'diagonal' is"),
    "average pooling": (lambda x, z: F.avg_pool1d(x, 2, LONG), ValueError, "Overflow when unpacking long long"),
    "tensor_split": (lambda x, z: torch.tensor_split(x, 2**45), RuntimeError, "tensor_split: can't allocate memory"),
    "fill": (lambda x, z: torch.full((2,), LONG), OverflowError, "int too big to convert"),
    "add": (lambda x, z: torch.tensor([1]) + LONG, OverflowError, "add: .*more than 64 bits: int too big to convert"),
    "interpolate": (lambda x, z: F.interpolate(x[None], scale_factor=float("nan")), RuntimeError, "finite, got nan"),
    "lp_pool": (lambda x, z: F.lp_pool1d(x, 0, 2), ZeroDivisionError, "lp_pool1d: norm_type must not be 0"),
    "fractional pooling": (
        lambda x, z: F.fractional_max_pool2d(torch.ones(1, 4, 4), 2, output_ratio=[0.5]), ValueError, "be 2 numbers"
    ),
    "arange of text": (lambda x, z: torch.arange("x"), TypeError, r"'start' \(position 1\) must be Number, not str"),
    "arange by NaN": (lambda x, z: torch.arange(0, 1, float("nan")), RuntimeError, "must be nonzero, got nan"),
    "addmm": (lambda x, z: torch.addmm(z, x, x.T, beta=1j), RuntimeError, "without overflow: beta is 1j"),
    "index_add": (
        lambda x, z: x.index_add(0, torch.tensor([0]), x[:1], alpha=1j), RuntimeError, "without overflow: alpha is 1j"
    ),
    "trapezoid": (lambda x, z: torch.trapezoid(z), IndexError, "specified as -1 but tensor has no dimensions"),
    "trapezoid by text": (lambda x, z: torch.trapezoid(x, dx="x"), TypeError, "argument 'dx' must be Number"),
    "roll": (lambda x, z: torch.roll(z, 1, 0), IndexError, "Dimension specified as 0 but tensor has no dimensions"),
    "cross": (lambda x, z: torch.cross(x, x, dim=-9), IndexError, r"cross: .* range .*but got -9"),
    "gradient": (lambda x, z: torch.gradient(x, dim=1.5), TypeError, "'dim' must be tuple of ints, not float"),
    "spacing": (lambda x, z: torch.gradient(x, spacing="x"), TypeError, "argument 'spacing' must be Number or tuple"),
    "histogram": (lambda x, z: torch.histogram(x, 3, range=(0,)), RuntimeError, "range should be 2 numbers"),
    "slice_scatter": (lambda x, z: torch.slice_scatter(x, x, 1.5), TypeError, "'dim' must be int, not float"),
    "normal": (lambda x, z: torch.normal(0.0, "x", (2,)), TypeError, r"'std' \(position 2\) must be Tensor or float"),
    "triplet": (
        lambda x, z: F.triplet_margin_with_distance_loss(x, x, x, distance_function=0), TypeError, "'distance_function'"
    ),
    "atleast": (lambda x, z: torch.atleast_2d(None), TypeError, r"atleast_2d\(\).*must be Tensor, not NoneType"),
    "bilinear": (lambda x, z: F.bilinear(z, x, torch.ones(2, 3, 3)), RuntimeError, "must have a last dimension"),
    "ctc": (
        lambda x, z: F.ctc_loss(torch.ones(3, 1, 3), z.long(), (1,), (1,)), RuntimeError, r"and targets \(N, S\) or"
    ),
    "relu": (lambda x, z: torch.relu(1), TypeError, r"relu\(\): argument 'input' \(position 1\) must be Tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_odd_argument(name: str, device: str) -> None:
    call, kind, words = CALLS[name]
    x, z = torch.ones(2, 3), torch.tensor(1.0)
    if device == "cuda":
        if any(
            word in name
            for word in ("addmm", "index_add", "ctc", "fractional", "triplet", "bilinear", "relu")
        ):
            pytest.skip("mixes devices, or makes its tensors on the CPU")
        x, z = x.cuda(), z.cuda()
        if name in ("tril", "average pooling"):
            pytest.skip("the kernel's own limits")
    with pytest.raises(kind, match=words) as raised:
        call(x, z)
    assert type(raised.value).__name__ == kind.__name__


def test_threshold_of_bytes_wraps() -> None:
    x = torch.tensor([3, 0, 9], dtype=torch.uint8)
    wanted = np.where(np.array([3, 0, 9]) <= 3, 253, [3, 0, 9])  # -3 modulo 256
    assert F.threshold(x, 3, -3).tolist() == wanted.tolist()


# What Python and NumPy say where nothing has looked before them.
LEAKS = re.compile(
    r"zip\(\)|cannot reshape array|could not broadcast|operands could not|index out of range$|values to unpack|ufunc|"
    r"^'\w+' object|Maximum allowed dimension|array is too big|unsupported operand|too large to convert"
)
TENSORS: dict[str, Callable[[], Any]] = {
    "0-d": lambda: torch.tensor(1.5), "empty": lambda: torch.empty(0), "no rows": lambda: torch.empty(0, 3),
    "no columns": lambda: torch.empty(2, 0), "5-d": lambda: torch.ones(1, 2, 1, 2, 1), "1-d": lambda: torch.ones(7),
    "whole": lambda: torch.tensor([[1, 2], [3, 4]]), "bool": lambda: torch.tensor([True, False]),
    "complex": lambda: torch.tensor([1j, 2.0]), "half": lambda: torch.ones(2, 3, dtype=torch.float16),
    "float8": lambda: torch.ones(2, 3).to(torch.float8_e5m2), "far": lambda: torch.tensor([-5, 100]),
    "uint16": lambda: torch.tensor([3, 5], dtype=torch.uint16),
}  # fmt: skip
NUMBERS: tuple[Any, ...] = (0, -1, -100, 1j)


def leaked(error: BaseException) -> bool:
    if is_explained(error) or isinstance(error, Invalid):
        return False
    types = (OverflowError, MemoryError, AttributeError, KeyError, ZeroDivisionError, UnboundLocalError)
    return (
        isinstance(error, types)
        or type(error).__module__.startswith("numpy")
        or bool(LEAKS.search(str(error)))
    )


def odd_calls(sample: Any) -> Any:
    """The sample with one tensor replaced by each odd one, or one whole number by each odd number."""
    for place, value in enumerate(sample.args):
        if isinstance(value, torch.Tensor):
            odd = {name: make() for name, make in TENSORS.items()}
        elif type(value) is int:
            odd = {repr(number): number for number in NUMBERS}
        else:
            continue
        for name, other in odd.items():
            yield name, [*sample.args[:place], other, *sample.args[place + 1 :]], place


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", [op for op in ops() if op.api], ids=lambda op: op.name)
def test_nothing_leaks(op: Any) -> None:
    dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[0]
    leaks = []
    for sample in samples(op, "cpu", dtype)[:2]:
        for name, args, place in odd_calls(sample):
            try:
                op.function(*args, **sample.kwargs)
            except Exception as error:
                if leaked(error):
                    leaks.append(f"argument {place} {name}: {error!r}")
    assert not leaks, "\n".join(leaks)
