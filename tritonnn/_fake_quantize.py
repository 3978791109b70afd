"""Rounding to what quantised numbers hold, for training that is aware of it."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._overriding import overridable
from tritonnn._tensor import Tensor, wrong
from tritonnn.autograd import Function
from tritonnn.errors import fail


class _Rounded(Function):
    """The nearest numbers; the gradient passes where nothing was cut off."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, scale: Any, zero_point: Any, low: int, high: int) -> Tensor:
        steps = (input * (1.0 / scale)).round() + zero_point
        steps = steps.nan_to_num(nan=float("-inf"), posinf=float("inf"), neginf=float("-inf"))
        ctx.save_for_backward((steps >= low) & (steps <= high))
        return ((steps.clamp(low, high) - zero_point) * scale).to(input.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple:
        return grad * ctx.saved_tensors[0], None, None, None, None


def _checked(name: str, input: object, low: int, high: int) -> Tensor:
    if not isinstance(input, Tensor):
        raise wrong(name, "input", "Tensor", input)
    if not input.dtype.is_floating_point:
        raise fail(name, "expected a floating tensor", kind=NotImplementedError, input=input)
    if low > high:
        raise fail(
            name,
            f"`quant_min` should be less than or equal to `quant_max`, got {low} and {high}",
            input=input,
        )
    return input


@overridable
def fake_quantize_per_tensor_affine(
    input: Tensor, scale: float | Tensor, zero_point: int | Tensor, quant_min: int, quant_max: int
) -> Tensor:
    """The multiples of `scale` next to the elements, whose number plus `zero_point` is from `quant_min` to `quant_max`.

    The gradient passes where nothing was cut off; `scale` and `zero_point` have none.

    Raises:
        RuntimeError: limits in the wrong order, or a number as zero point outside of them.

    >>> import tritonnn as torch
    >>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.3, 9.0]), 0.25, 0, 0, 7)
    tensor([0.2500, 1.7500])
    """
    name = "fake_quantize_per_tensor_affine"
    input = _checked(name, input, quant_min, quant_max)
    if not isinstance(zero_point, Tensor) and not quant_min <= zero_point <= quant_max:
        raise fail(
            name, f"`zero_point` must be between `quant_min` and `quant_max`, got {zero_point}", input=input
        )
    return _Rounded.apply(input, scale, zero_point, quant_min, quant_max)


@overridable
def fake_quantize_per_channel_affine(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Tensor:
    """`fake_quantize_per_tensor_affine` with a scale and a zero point for each index of dimension `axis`.

    Raises:
        RuntimeError: vectors of other lengths than the dimension has; a zero point of another type than int32, float32
            and float16, or outside of the limits. IndexError: no such dimension.

    >>> import tritonnn as torch
    >>> scale, zero = torch.tensor([0.5, 0.25]), torch.zeros(2, dtype=torch.int32)
    >>> torch.fake_quantize_per_channel_affine(torch.tensor([[0.3], [0.3]]), scale, zero, 0, 0, 7)
    tensor([[0.5000],
            [0.2500]])
    """
    name = "fake_quantize_per_channel_affine"
    input = _checked(name, input, quant_min, quant_max)
    given: dict[str, Any] = {"scale": scale, "zero_point": zero_point}
    for argument, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {type(value).__name__}")
    if zero_point.dtype not in (dtypes.int32, dtypes.float32, dtypes.float16):
        raise fail(name, f"Zero-point must be Int32, Float or Half, found {zero_point.dtype.name}", **given)
    if scale.dim() != 1 or scale.shape != zero_point.shape:
        raise fail(name, "scale and zero-point need to have the same dimensions, one each", **given)
    if not -input.dim() <= axis < input.dim():
        bounds = f"[{-input.dim()}, {input.dim() - 1}]"
        raise IndexError(
            f"{name}: Dimension out of range (expected to be in range of {bounds}, but got {axis})"
        )
    if scale.numel() != input.shape[axis]:
        raise fail(
            name,
            "dimensions of scale and zero-point are not consistent with input tensor",
            input=input,
            **given,
        )
    if bool(((zero_point < quant_min) | (zero_point > quant_max)).any()):
        raise fail(name, "`zero_point` must be between `quant_min` and `quant_max`.", **given)
    shape = [-1 if dim == axis % input.dim() else 1 for dim in range(input.dim())]
    return _Rounded.apply(input, scale.reshape(shape), zero_point.reshape(shape), quant_min, quant_max)
