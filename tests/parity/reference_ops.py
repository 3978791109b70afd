"""PyTorch's side of a sample: its function of the name, its tensors, its outcome; and how results are judged."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import torch as reference
from support import array, tensors
from unspecified import LARGER_ERROR, SIGN_OF_ZERO, UNDEFINED, WHICH_OF_EQUALS
from widened import AT_LEAST, NOT_WIDENED, seeds, whole_operands, wide

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import Op, Sample
from tritonnn.testing.generated.tolerance import ALLOWED, first_beyond, own_error, parts, sizes

REFUSALS = (
    "not implemented for", "not supported", "does not support", "expected", "type ml_dtypes",
    "please report a bug to PyTorch",
)  # fmt: skip
# Of the same name in PyTorch, but not the same call.
OTHER_CALL = {"batch_norm"}
# Of these PyTorch has only the name, and says what took their place.
OTHER_CALL |= {"real_eig", "symeig"}


def _convolution_relu(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    sizes = (stride, padding, dilation, False, [0] * (x.ndim - 2), groups)
    return reference.relu(reference.convolution(x, weight, bias, *sizes))


def _convolution_add_relu(x: Any, weight: Any, z: Any, alpha: Any, bias: Any, *geometry: Any) -> Any:
    stride, padding, dilation, groups = geometry
    sizes = (stride, padding, dilation, False, [0] * (x.ndim - 2), groups)
    sums = reference.convolution(x, weight, bias, *sizes)
    if z.shape != sums.shape:
        raise RuntimeError("expected z to be of the result's shape")
    return reference.relu(sums + (1 if alpha is None else alpha) * z)


# What PyTorch has for CUDA alone, in terms of what it has on the CPU.
ON_THE_CPU = {
    "cudnn_convolution_relu": _convolution_relu,
    "cudnn_convolution_add_relu": _convolution_add_relu,
}


def counterpart(op: Op) -> Any:
    """PyTorch's function of the name, where the op is public."""
    if op.name in OTHER_CALL:
        return None
    if op.name in ON_THE_CPU:
        return ON_THE_CPU[op.name]
    places = {
        "functional": reference.nn.functional, "torch": reference, "tensor": reference.Tensor,
        "linalg": reference.linalg, "special": reference.special, "fft": reference.fft,
    }  # fmt: skip
    for place, module in places.items():
        function = getattr(module, op.public_name, None) if place in op.api.split() else None
        if function is not None:
            return function
    return None


def to_reference(value: Any) -> Any:
    """A sample's argument in PyTorch's types."""
    if isinstance(value, Tensor):
        values = host_array(value.detach())
        if values.dtype.kind == "V" or value.dtype.name.startswith(("bfloat", "float8")):
            return reference.from_numpy(values.astype(np.float32)).to(getattr(reference, value.dtype.name))
        base = reference.from_numpy(np.array(values))
        base = reference.empty_strided(tuple(value.shape), value.stride(), dtype=base.dtype).copy_(base)
        return base.requires_grad_() if value.requires_grad else base
    if isinstance(value, torch.dtype):
        return getattr(reference, value.name)
    if isinstance(value, torch.device):
        return reference.device(str(value))
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        given = {field.name: to_reference(getattr(value, field.name)) for field in fields(value)}
        return reference.nn.LinearCrossEntropyOptions(**given)
    if isinstance(value, (list, tuple)):
        return type(value)([to_reference(item) for item in value])
    return value


def reference_tensors(value: Any) -> list:
    if isinstance(value, reference.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in reference_tensors(item)]
    return []


def run_reference(op: Op, sample: Any) -> Any:
    function = counterpart(op)
    args = [to_reference(arg) for arg in sample.args]
    kwargs = {key: to_reference(value) for key, value in sample.kwargs.items()}
    leaves = [
        t for t in [*reference_tensors(args), *reference_tensors(list(kwargs.values()))] if t.requires_grad
    ]
    return function(*args, **kwargs), leaves


def outcome(run: Callable[[], Any]) -> Any:
    """What a call returns, or its exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run()
        except Exception as error:
            return error


def undefined(op: Op, sample: Sample) -> bool:
    """Whether PyTorch has no result of the call to compare with."""
    return op.name in UNDEFINED and UNDEFINED[op.name][0](sample)


def values_of(tensor: Any) -> np.ndarray:
    """PyTorch's values on the host; half precision as float32."""
    values = tensor.detach().resolve_conj().resolve_neg()
    half = values.dtype in (reference.float16, reference.bfloat16) or values.dtype.itemsize == 1
    return (values.float() if half and values.is_floating_point() else values).numpy()


class Judge:
    """Compares a result with PyTorch's of the same sample.

    Args:
        op: the op.
        sample: the call.
        wanted: what PyTorch returned.
    """

    def __init__(self, op: Op, sample: Sample, wanted: Any) -> None:
        self.wanted = reference_tensors(wanted)
        runs = () if op.name in NOT_WIDENED else seeds(op, (1, 2, 3, 4))
        whole = whole_operands(op, sample, [t.is_floating_point() for t in self.wanted])
        outcomes = [
            outcome(lambda seed=seed: run_reference(op, wide(op, sample, seed, whole))[0]) for seed in runs
        ]
        shapes = [t.shape for t in self.wanted]
        alike = [r for r in map(reference_tensors, outcomes) if [t.shape for t in r] == shapes]
        self.exact, *self.moved = alike or [self.wanted]
        self.signs = op.family not in SIGN_OF_ZERO and op.name not in SIGN_OF_ZERO
        self.at_least = AT_LEAST.get(op.name, (0.0,))[0]
        self.factors = {str(t.dtype): larger_error(op, t.dtype) for t in self.wanted}

    def difference(self, i: int, got: Tensor) -> str:
        """In words how the i-th result differs; empty where it does not."""
        wanted = self.wanted[i]
        if tuple(got.shape) != tuple(wanted.shape):
            return f"shape {tuple(got.shape)}, PyTorch {tuple(wanted.shape)}"
        if str(got.dtype) != str(wanted.dtype):
            return f"dtype {got.dtype}, PyTorch {wanted.dtype}"
        a, low, exact = (parts(v) for v in (array(got), values_of(wanted), values_of(self.exact[i])))
        if a.dtype.kind != "f":
            return "" if np.array_equal(a, low) else f"{a} is not {low}"
        # What is special is so in PyTorch, in this precision or in float64, whose sums overflow later.
        with np.errstate(invalid="ignore", over="ignore"):
            rounded = exact.astype(got.dtype.np).astype(np.float64) if got.dtype.is_floating_point else exact
            special = ~np.isfinite(a) | ~np.isfinite(low)
            as_low = (np.isnan(a) & np.isnan(low)) | (a == low)
            as_exact = (np.isnan(a) & np.isnan(rounded)) | (a == rounded)
        wrong = special & ~as_low & ~as_exact
        if self.signs:  # of a zero that is none only by rounding either sign will do
            zeros = (a == 0) & (low == 0) & (exact == 0)
            wrong |= zeros & (np.signbit(a) != np.signbit(low)) & (np.signbit(a) != np.signbit(exact))
        if wrong.any():
            place = tuple(int(k) for k in np.argwhere(wrong)[0])
            return f"{a[place]} at {place}, PyTorch {low[place]}, in float64 {exact[place]}"
        moves = [parts(values_of(m[i])) for m in self.moved]
        size = np.maximum(sizes(values_of(self.exact[i])), self.at_least)
        own = own_error(exact, moves, [low], got.dtype.np, size)
        # PyTorch's result is no more exact than ours where there is no wider type: each has its error.
        as_wide = wanted.dtype in (reference.float64, reference.complex128) or self.exact is self.wanted
        return first_beyond(a, exact, own, self.factors[str(got.dtype)] * (2 if as_wide else 1))


def larger_error(op: Op, dtype: Any) -> float:
    """How many times its own error a result may be off."""
    name = str(dtype).removeprefix("torch.")
    return LARGER_ERROR.get(f"{op.name} {name}", LARGER_ERROR.get(op.name, (ALLOWED,)))[0]


def compare(op: Op, sample: Sample, got: Any, wanted: Any) -> None:
    """Hold a result to PyTorch's of the same sample."""
    judge = Judge(op, sample, wanted)
    gots = list(tensors(got))
    assert len(gots) == len(judge.wanted), f"{sample}: {len(gots)} results, PyTorch {len(judge.wanted)}"
    for i, result in enumerate(gots):
        if i and op.family in WHICH_OF_EQUALS and not result.dtype.is_floating_point:
            continue
        words = judge.difference(i, result)
        assert not words, f"result {i}: {words}\n{sample}"
