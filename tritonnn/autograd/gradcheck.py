"""Checking derivatives against central differences.

Complex numbers count as pairs of real ones: an input is moved along its real and its imaginary part, and the gradient
of Re(conj(v) f) has the derivative along the one as its real part, along the other as its imaginary part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad
from tritonnn.autograd.differences import GradcheckError, How, moved_by, tensor_of, tensors_of, values_of
from tritonnn.autograd.gradcheck_forward import check_forward
from tritonnn.autograd.sparse_inputs import of_dense
from tritonnn.recording.grad_mode import enable_grad


def _gradient(output: Tensor, which: Tensor, weights: np.ndarray, how: How, j: int) -> np.ndarray:
    """The gradient of the weighted sum of an output's real numbers; checks dtype and repeatability."""
    given = tensor_of(weights, output)
    first, again = (grad(output, which, given, retain_graph=True, allow_unused=True)[0] for _ in range(2))
    if first is None:
        return np.zeros(values_of(which).shape)
    if how.dtypes and first.dtype is not which.dtype:
        raise GradcheckError(f"gradient of input {j} has dtype {first.dtype}, the input {which.dtype}")
    values = values_of(first)
    if np.abs(values_of(again) - values).max(initial=0) > how.nondet:
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values"
        )
    if how.batched:
        batch = given.unsqueeze(0)
        try:
            (row,) = grad(output, which, batch, retain_graph=True, allow_unused=True, is_grads_batched=True)
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        if not np.allclose(values_of(row), values, how.rtol, how.atol, equal_nan=True):
            raise GradcheckError(
                "While computing batched gradients, got a result that differs from the one alone"
            )
    return values


def gradcheck(
    func: Callable,
    inputs: object,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences, for every input that requires grad.

    Args:
        func: takes the inputs, returns a tensor or a tuple; numbers may be complex.
        inputs: a tensor or a tuple; float64 or complex128 for the default tolerances.
        eps: step of the difference.
        atol, rtol: |analytical - numerical| <= atol + rtol |numerical|.
        raise_exception: raise GradcheckError instead of returning False.
        nondet_tol: how much two runs of backward may differ.
        check_undefined_grad: also check that backward takes None for outputs without gradient.
        check_grad_dtypes: also check that gradients have the dtype of their inputs.
        check_batched_grad: also check `grad(..., is_grads_batched=True)`.
        check_backward_ad: whether to check reverse mode.
        check_forward_ad: whether to check forward mode, and with `check_batched_forward_grad` inside `vmap`.
        fast_mode: compare one product of the Jacobian with random directions, not each of its elements.
        masked: whether of sparse inputs the values are moved that are there, not every element.

    Raises:
        AssertionError: neither mode is to be checked, or one is not of which a batched check is asked for.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    _demand(
        check_forward_ad or check_backward_ad,
        "Expected at least one of check_forward_ad or check_backward_ad",
    )
    _demand(
        check_backward_ad or not check_batched_grad, _NEEDS.format("check_batched_grad", "check_backward_ad")
    )
    _demand(
        check_forward_ad or not check_batched_forward_grad,
        _NEEDS.format("check_batched_forward_grad", "check_forward_ad"),
    )
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if any(isinstance(value, Sparse) for value in given):
        func, given = of_dense(func, given, bool(masked), False)
    how = How(
        eps, atol, rtol, nondet_tol, check_grad_dtypes, check_batched_grad, fast_mode, check_backward_ad,
        check_forward_ad, check_batched_forward_grad,
    )  # fmt: skip
    try:
        _check(func, given, how, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


_NEEDS = "Setting {}=True requires {} to be True"


def _demand(holds: bool, text: str) -> None:
    if not holds:
        raise AssertionError(text)


def _check(func: Callable, inputs: Sequence[Any], how: How, undefined: bool) -> None:
    wanted = [t for t in tensors_of(inputs) if t.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    for i, tensor in enumerate(wanted):
        if tensor.dtype.to_real().itemsize < 8:
            import warnings

            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex.",
                stacklevel=4,
            )
    returned = func(*inputs)
    for value in returned if isinstance(returned, (tuple, list)) else (returned,):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"gradcheck: func must return a Tensor or Tensors, but got {type(value).__name__}"
            )
        if isinstance(value, Sparse):
            raise ValueError(
                "Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on the output "
                "of fn for gradcheck."
            )
    outputs = tensors_of(returned)
    places = [k for k, out in enumerate(outputs) if out.requires_grad]
    if not places:
        _check_constant(func, inputs, wanted, how)
        return
    for j, tensor in enumerate(wanted):
        if how.backward:
            (_check_product if how.fast else _check_elements)(func, inputs, tensor, outputs, places, how, j)
        if how.forward:
            check_forward(func, inputs, tensor, places, how, j)
    if undefined and how.backward and len(places) > 1:
        for k in places:
            grad(outputs[k], wanted, outputs[k].detach() * 0 + 1, retain_graph=True, allow_unused=True)


def _check_constant(func: Callable, inputs: Sequence[Any], wanted: Sequence[Tensor], how: How) -> None:
    """Of a function without any gradient: that nothing it returns moves with an input."""
    for tensor in wanted:
        for direction in np.eye(values_of(tensor).size):
            if any((change != 0).any() for change in moved_by(func, inputs, tensor, direction, how.eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _check_elements(
    func: Callable,
    inputs: Sequence[Any],
    tensor: Tensor,
    outputs: tuple,
    places: list[int],
    how: How,
    j: int,
) -> None:
    """Every element of the Jacobians of one input."""
    columns = [moved_by(func, inputs, tensor, row, how.eps) for row in np.eye(values_of(tensor).size)]
    for k in places:
        for row, weights in enumerate(np.eye(values_of(outputs[k]).size)):
            analytical = _gradient(outputs[k], tensor, weights, how, j)
            for column, value in enumerate(analytical):
                expected = columns[column][k][row]
                if not abs(value - expected) <= how.atol + how.rtol * abs(expected):
                    raise GradcheckError(
                        f"Jacobian mismatch for output {k} with respect to input {j}, element "
                        f"{_element(column, tensor)} of the input and {_element(row, outputs[k])} of the output: "
                        f"numerical {expected:g}, analytical {value:g}"
                    )


def _check_product(
    func: Callable,
    inputs: Sequence[Any],
    tensor: Tensor,
    outputs: tuple,
    places: list[int],
    how: How,
    j: int,
) -> None:
    """One product of each Jacobian of one input with random directions of length 1."""
    random = np.random.default_rng(0)

    def direction(size: int) -> np.ndarray:
        drawn = random.standard_normal(size)
        return drawn / max(float(np.linalg.norm(drawn)), 1e-30)

    along = direction(values_of(tensor).size)
    moved = moved_by(func, inputs, tensor, along, how.eps)
    for k in places:
        weights = direction(values_of(outputs[k]).size)
        value = float(_gradient(outputs[k], tensor, weights, how, j) @ along)
        expected = float(weights @ moved[k])
        if not abs(value - expected) <= how.atol + how.rtol * abs(expected):
            raise GradcheckError(
                f"Jacobian mismatch for output {k} with respect to input {j} along random directions (fast_mode): "
                f"numerical {expected:g}, analytical {value:g}"
            )


def _element(place: int, tensor: Tensor) -> str:
    if not tensor.dtype.is_complex:
        return str(place)
    return f"{place // 2} ({'imaginary' if place % 2 else 'real'} part)"


def gradgradcheck(
    func: Callable,
    inputs: object,
    grad_outputs: object = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether second derivatives of `func` agree with central differences of the first.

    Args:
        grad_outputs: what the first derivative is taken with; random where not given.
        gen_non_contig_grad_outputs: let those that are drawn lie with gaps.
        check_fwd_over_rev, check_rev_over_rev: whether to check forward and reverse mode of the gradient.

    The other arguments are those of `gradcheck`.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    _demand(
        check_fwd_over_rev or check_rev_over_rev,
        "Expected at least one of check_fwd_over_rev or check_rev_over_rev",
    )
    for name, asked in (
        ("check_undefined_grad", check_undefined_grad),
        ("check_batched_grad", check_batched_grad),
    ):
        _demand(check_rev_over_rev or not asked, _NEEDS.format(name, "check_rev_over_rev"))
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if any(isinstance(value, Sparse) for value in given):
        func, given = of_dense(func, given, masked, False)
    outputs = [out for out in tensors_of(func(*given)) if out.requires_grad]
    if grad_outputs is None:
        weights = tuple([_drawn(out, gen_non_contig_grad_outputs) for out in outputs])
    else:
        weights = tensors_of(grad_outputs)
    count = len(given)

    @enable_grad()  # the differences are taken without recording, but the first derivative needs it
    def first(*args: object) -> tuple:
        results = [out for out in tensors_of(func(*args[:count])) if out.requires_grad]
        leaves = [t for t in tensors_of(args[:count]) if t.requires_grad]
        grads = grad(results, leaves, args[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None and g.requires_grad)

    return gradcheck(
        first, (*given, *weights), eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad,
        check_grad_dtypes, check_batched_grad, False, check_fwd_over_rev, check_rev_over_rev, fast_mode, masked,
    )  # fmt: skip


def _drawn(like: Tensor, gaps: bool) -> Tensor:
    from tritonnn.ops.random.random import randn_like

    drawn = randn_like(like)
    if gaps:
        wide = drawn.new_zeros((*like.shape, 2))
        wide.select(-1, 0).copy_(drawn)
        drawn = wide.select(-1, 0)
    return drawn.detach().requires_grad_()


class _Callable(ModuleType):
    """`torch.autograd.gradcheck` is a function and, in older programs, a module with that function."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
