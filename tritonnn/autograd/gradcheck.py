"""Checking derivatives against central differences.

Complex numbers count as pairs of real ones: an input is moved along its real and its imaginary part, and the gradient
of Re(conj(v) f) has the derivative along the one as its real part, along the other as its imaginary part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor, host_array
from tritonnn.autograd.api import grad
from tritonnn.autograd.sparse_inputs import of_dense
from tritonnn.recording.grad_mode import enable_grad, no_grad


class GradcheckError(RuntimeError):
    """The analytical and the numerical Jacobian differ."""


class _How(NamedTuple):
    """What a check is made with."""

    eps: float
    atol: float
    rtol: float
    nondet: float
    dtypes: bool
    batched: bool


def _tensors(value: object) -> tuple[Tensor, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(item for item in items if isinstance(item, Tensor))


def _values(tensor: Tensor) -> np.ndarray:
    """The values as a flat array of float64, complex numbers as pairs."""
    values = host_array(tensor.detach()).reshape(-1)
    complex_ = values.dtype.kind == "c"
    return values.astype(np.complex128).view(np.float64) if complex_ else values.astype(np.float64)


def _tensor_of(values: np.ndarray, like: Tensor) -> Tensor:
    """The reverse of `_values`."""
    from tritonnn.ops.creation.from_data import tensor

    flat = values.view(np.complex128) if like.dtype.is_complex else values
    return tensor(flat.reshape(tuple(like.shape)), dtype=like.dtype, device=like.device)


def _moved(
    function: Callable, inputs: Sequence[Any], which: Tensor, direction: np.ndarray, eps: float
) -> list:
    """The central difference of every output as one input moves along a direction."""
    where = which.data  # writes through it are outside the graph and not counted
    before = _values(which)
    moved = []
    try:
        for sign in (1, -1):
            where.copy_(_tensor_of(before + sign * eps * direction, which))
            with no_grad():
                moved.append([_values(out) for out in _tensors(function(*inputs))])
    finally:
        where.copy_(_tensor_of(before, which))
    return [(up - down) / (2 * eps) for up, down in zip(*moved, strict=True)]


def _gradient(output: Tensor, which: Tensor, weights: np.ndarray, how: _How, j: int) -> np.ndarray:
    """The gradient of the weighted sum of an output's real numbers; checks dtype and repeatability."""
    given = _tensor_of(weights, output)
    first, again = (grad(output, which, given, retain_graph=True, allow_unused=True)[0] for _ in range(2))
    if first is None:
        return np.zeros(_values(which).shape)
    if how.dtypes and first.dtype is not which.dtype:
        raise GradcheckError(f"gradient of input {j} has dtype {first.dtype}, the input {which.dtype}")
    values = _values(first)
    if np.abs(_values(again) - values).max(initial=0) > how.nondet:
        raise GradcheckError(
            "Backward is not reentrant, i.e., running backward with same input and grad_output "
            "multiple times gives different values"
        )
    if how.batched:
        batch = given.unsqueeze(0)
        (row,) = grad(output, which, batch, retain_graph=True, allow_unused=True, is_grads_batched=True)
        if not np.allclose(_values(row), values, how.rtol, how.atol, equal_nan=True):
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
    check_batched_forward_ad: bool = False,
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
        check_backward_ad: whether to check reverse mode, the one there is.
        check_forward_ad, check_batched_forward_ad: forward mode, which is not implemented.
        fast_mode: compare one product of the Jacobian with random directions, not each of its elements.
        masked: whether of sparse inputs the values are moved that are there, not every element.

    Raises:
        NotImplementedError: something is asked for that is not there.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    asked = {"check_forward_ad": check_forward_ad, "check_batched_forward_ad": check_batched_forward_ad}
    _refuse("gradcheck", asked, "forward-mode differentiation is not implemented")
    if not check_backward_ad:
        raise ValueError(
            "gradcheck: check_backward_ad=False leaves nothing to check: there is no forward mode"
        )
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if any(isinstance(value, Sparse) for value in given):
        func, given = of_dense(func, given, bool(masked), False)
    how = _How(eps, atol, rtol, nondet_tol, check_grad_dtypes, check_batched_grad)
    try:
        _check(func, given, how, check_undefined_grad, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _refuse(name: str, asked: dict[str, Any], why: str) -> None:
    for argument, value in asked.items():
        if value:
            raise NotImplementedError(f"{name}: {argument}={value}: {why}")


def _check(func: Callable, inputs: Sequence[Any], how: _How, undefined: bool, fast: bool) -> None:
    wanted = [t for t in _tensors(inputs) if t.requires_grad]
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
    outputs = _tensors(returned)
    places = [k for k, out in enumerate(outputs) if out.requires_grad]
    if not places:
        _check_constant(func, inputs, wanted, how)
        return
    for j, tensor in enumerate(wanted):
        (_check_product if fast else _check_elements)(func, inputs, tensor, outputs, places, how, j)
    if undefined and len(places) > 1:
        for k in places:
            grad(outputs[k], wanted, outputs[k].detach() * 0 + 1, retain_graph=True, allow_unused=True)


def _check_constant(func: Callable, inputs: Sequence[Any], wanted: Sequence[Tensor], how: _How) -> None:
    """Of a function without any gradient: that nothing it returns moves with an input."""
    for tensor in wanted:
        for direction in np.eye(_values(tensor).size):
            if any((change != 0).any() for change in _moved(func, inputs, tensor, direction, how.eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")


def _check_elements(
    func: Callable,
    inputs: Sequence[Any],
    tensor: Tensor,
    outputs: tuple,
    places: list[int],
    how: _How,
    j: int,
) -> None:
    """Every element of the Jacobians of one input."""
    columns = [_moved(func, inputs, tensor, row, how.eps) for row in np.eye(_values(tensor).size)]
    for k in places:
        for row, weights in enumerate(np.eye(_values(outputs[k]).size)):
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
    how: _How,
    j: int,
) -> None:
    """One product of each Jacobian of one input with random directions of length 1."""
    random = np.random.default_rng(0)

    def direction(size: int) -> np.ndarray:
        drawn = random.standard_normal(size)
        return drawn / max(float(np.linalg.norm(drawn)), 1e-30)

    along = direction(_values(tensor).size)
    moved = _moved(func, inputs, tensor, along, how.eps)
    for k in places:
        weights = direction(_values(outputs[k]).size)
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
        check_fwd_over_rev: forward mode, which is not implemented.
        check_rev_over_rev: whether to check reverse mode over reverse mode.

    The other arguments are those of `gradcheck`.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    asked = {"check_fwd_over_rev": check_fwd_over_rev}
    _refuse("gradgradcheck", asked, "forward-mode differentiation is not implemented")
    if not check_rev_over_rev:
        raise ValueError(
            "gradgradcheck: check_rev_over_rev=False leaves nothing to check: there is no forward mode"
        )
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if any(isinstance(value, Sparse) for value in given):
        func, given = of_dense(func, given, masked, False)
    outputs = [out for out in _tensors(func(*given)) if out.requires_grad]
    if grad_outputs is None:
        weights = tuple([_drawn(out, gen_non_contig_grad_outputs) for out in outputs])
    else:
        weights = _tensors(grad_outputs)
    count = len(given)

    @enable_grad()  # the differences are taken without recording, but the first derivative needs it
    def first(*args: object) -> tuple:
        results = [out for out in _tensors(func(*args[:count])) if out.requires_grad]
        leaves = [t for t in _tensors(args[:count]) if t.requires_grad]
        grads = grad(results, leaves, args[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None and g.requires_grad)

    return gradcheck(
        first, (*given, *weights), eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad,
        check_grad_dtypes, check_batched_grad, fast_mode=fast_mode, masked=masked,
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
