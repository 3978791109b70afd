"""Checking derivatives against central differences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad
from tritonnn.recording.grad_mode import enable_grad, no_grad


class GradcheckError(RuntimeError):
    """The analytical and the numerical Jacobian differ."""


def _tensors(value: Any) -> tuple[Tensor, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(item for item in items if isinstance(item, Tensor))


def _columns(function: Callable, inputs: Sequence[Any], which: Tensor, eps: float) -> list[list[Tensor]]:
    """For each element of `which`, the central difference of every output."""
    columns = []
    flat = which.data.reshape(-1)
    shares = flat.data_ptr() == which.data_ptr()
    for i in range(which.numel()):
        values = []
        for sign in (1, -1):
            before = flat[i].item()
            flat[i] = before + sign * eps
            if not shares:
                which.data.copy_(flat.reshape(which.shape))
            with no_grad():
                values.append([out.detach().clone() for out in _tensors(function(*inputs))])
            flat[i] = before
            if not shares:
                which.data.copy_(flat.reshape(which.shape))
        columns.append([(up - down) / (2 * eps) for up, down in zip(*values, strict=True)])
    return columns


def gradcheck(
    func: Callable,
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
) -> bool:
    """Whether the gradients of `func` agree with central differences, for every input that requires grad.

    Args:
        func: takes the inputs, returns a tensor or a tuple.
        inputs: a tensor or a tuple; float64 for the default tolerances.
        eps: step of the difference.
        atol, rtol: |analytical - numerical| <= atol + rtol |numerical|.
        raise_exception: raise GradcheckError instead of returning False.
        nondet_tol: how much two runs of backward may differ.
        check_undefined_grad: also check that backward takes None for outputs without gradient.
        check_grad_dtypes: also check that gradients have the dtype of their inputs.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradcheck(torch.sin, (x,))
    True
    """
    given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        _check(func, given, eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(
    func: Callable, inputs: Sequence[Any], eps: float, atol: float, rtol: float, nondet: float, undefined: bool,
    types: bool,
) -> None:  # fmt: skip
    wanted = [t for t in _tensors(inputs) if t.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    for i, tensor in enumerate(wanted):
        if tensor.dtype.itemsize < 8:
            import warnings

            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex.",
                stacklevel=4,
            )
    outputs = [out for out in _tensors(func(*inputs)) if out.requires_grad]
    for j, tensor in enumerate(wanted):
        columns = _columns(func, inputs, tensor, eps)
        for k, output in enumerate(outputs):
            numerical = [column[k] for column in columns]
            _compare(output, tensor, numerical, j, k, atol, rtol, nondet, types)
    if undefined and len(outputs) > 1:
        for output in outputs:
            grad(output, wanted, output.detach() * 0 + 1, retain_graph=True, allow_unused=True)


def _compare(
    output: Tensor, tensor: Tensor, numerical: Any, j: int, k: int, atol: float, rtol: float, nondet: float,
    types: bool,
) -> None:  # fmt: skip
    flat = output.reshape(-1)
    for row in range(flat.shape[0]):
        gradient = grad(flat[row], tensor, retain_graph=True, allow_unused=True)[0]
        if gradient is not None and types and gradient.dtype is not tensor.dtype:
            raise GradcheckError(
                f"gradient of input {j} has dtype {gradient.dtype}, the input {tensor.dtype}"
            )
        analytical = [0.0] * tensor.numel() if gradient is None else gradient.reshape(-1).tolist()
        if gradient is not None and nondet >= 0:
            again = grad(flat[row], tensor, retain_graph=True, allow_unused=True)[0]
            if float((again - gradient).abs().max()) > nondet:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple times gives different values"
                )
        for column, value in enumerate(analytical):
            expected = numerical[column].reshape(-1)[row].item()
            if not abs(value - expected) <= atol + rtol * abs(expected):
                raise GradcheckError(
                    f"Jacobian mismatch for output {k} with respect to input {j}, element {column} of the input "
                    f"and {row} of the output: numerical {expected:g}, analytical {value:g}"
                )


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Whether second derivatives of `func` agree with central differences of the first.

    >>> import tritonnn as torch
    >>> x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    >>> torch.autograd.gradgradcheck(torch.sin, (x,))
    True
    """
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    outputs = [out for out in _tensors(func(*given)) if out.requires_grad]
    if grad_outputs is None:
        from tritonnn.ops.random.random import randn_like

        weights = tuple(randn_like(out).detach().requires_grad_() for out in outputs)
    else:
        weights = _tensors(grad_outputs)
    count = len(given)

    @enable_grad()  # the differences are taken without recording, but the first derivative needs it
    def first(*args: Any) -> tuple:
        results = [out for out in _tensors(func(*args[:count])) if out.requires_grad]
        leaves = [t for t in _tensors(args[:count]) if t.requires_grad]
        grads = grad(results, leaves, args[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None and g.requires_grad)

    return gradcheck(first, (*given, *weights), eps, atol, rtol, raise_exception, nondet_tol)


class _Callable(ModuleType):
    """`torch.autograd.gradcheck` is a function and, in older programs, a module with that function."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
