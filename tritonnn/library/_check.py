"""opcheck: whether an operator does what its registrations say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor, host_array
from tritonnn.library._operator import Operator, operator_of, tensors_of

TESTS = ("test_schema", "test_autograd_registration", "test_faketensor")


class OpCheckError(Exception):
    """An operator does something else than its registrations say."""


def opcheck(
    op: object,
    args: tuple,
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: str | Sequence[str] = TESTS,
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> dict[str, str]:
    """Run an operator on arguments, and see whether it does what its registrations say.

    Args:
        test_utils: which tests: `test_schema` (it writes to what it says it does, and its results are no aliases),
            `test_autograd_registration` (gradients come where arguments require them), `test_faketensor` (what it makes
            without memory is of the sizes and types that it makes with memory).
        raise_exception: raise at the first failure; else it is in the result.
        atol, rtol: for comparisons of compiled code, of which there are none.

    Returns:
        Test -> 'SUCCESS', or the failure.

    Raises:
        OpCheckError: a test fails.

    >>> import tritonnn as torch
    >>> @torch.library.custom_op("docs::third", mutates_args=())
    ... def third(x: torch.Tensor) -> torch.Tensor:
    ...     return x / 3
    >>> torch.library.opcheck(third, (torch.ones(2),), test_utils="test_schema")
    {'test_schema': 'SUCCESS'}
    """
    operator = operator_of(op)
    wanted = [test_utils] if isinstance(test_utils, str) else list(test_utils)
    for name in wanted:
        if name not in _CHECKS:
            raise NotImplementedError(
                f"opcheck: {name}: there are {', '.join(_CHECKS)}; nothing is compiled here"
            )
    outcomes: dict[str, str] = {}
    for name in wanted:
        try:
            _CHECKS[name](operator, operator.bind(args, kwargs or {}))
            outcomes[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise OpCheckError(f"opcheck(op, ...): {name} failed with {error}") from error
            outcomes[name] = f"{type(error).__name__}: {error}"
    return outcomes


def _copies(values: list[Any]) -> list[Any]:
    def copy(value: object) -> Any:
        if isinstance(value, Tensor):
            return value.detach().clone().requires_grad_(value.requires_grad)
        return [copy(item) for item in value] if isinstance(value, (list, tuple)) else value

    return [copy(value) for value in values]


def _schema(operator: Operator, values: list[Any]) -> None:
    given = [value.detach() if isinstance(value, Tensor) else value for value in _copies(values)]
    before = [host_array(tensor).copy() for tensor in tensors_of(given)]
    operator.run(given)
    mutated = set(map(id, tensors_of([v for a, v in zip(operator.schema.arguments, given) if a.mutated])))
    for tensor, old in zip(tensors_of(given), before, strict=True):
        if id(tensor) not in mutated and not np.array_equal(
            host_array(tensor), old, equal_nan=old.dtype.kind in "fc"
        ):
            raise RuntimeError(
                f"{operator.name} writes to an argument that its schema does not say it writes to: {operator.schema}"
            )


def _autograd(operator: Operator, values: list[Any]) -> None:
    given = _copies(values)
    if not any([tensor.requires_grad for tensor in tensors_of(given)]) or operator.schema.mutated:
        return
    results = [r for r in tensors_of([operator(*given)]) if r.requires_grad]
    if not results and any([r.dtype.kind >= 2 for r in tensors_of([operator(*given)])]):
        raise RuntimeError(f"{operator.name}: its results require no gradient though its arguments do")


def _faketensor(operator: Operator, values: list[Any]) -> None:
    def empty(value: object) -> Any:
        if isinstance(value, Tensor):
            return value.detach().to("meta")
        return [empty(item) for item in value] if isinstance(value, (list, tuple)) else value

    plain = [value.detach() if isinstance(value, Tensor) else value for value in _copies(values)]
    made = tensors_of([operator.run(plain)])
    faked = tensors_of([operator.run([empty(value) for value in values])])
    wanted, got = ([(tuple(t.shape), t.dtype, t.stride()) for t in each] for each in (made, faked))
    if wanted != got:
        raise RuntimeError(f"{operator.name} without memory makes {got}, with memory {wanted}")


_CHECKS = {"test_schema": _schema, "test_autograd_registration": _autograd, "test_faketensor": _faketensor}
