"""What the families share: broadcasting of parameters, probabilities and logits, values computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from numbers import Number
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip

#: a shape; a parameter
Shape = Sequence[int]
Numbers = Tensor | float

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape; numbers take dtype and device of the first tensor.

    Raises:
        ValueError: a value is neither a number nor a tensor.

    >>> import tritonnn as torch
    >>> torch.distributions.utils.broadcast_all(1.0, torch.zeros(2))
    (tensor([1., 1.]), tensor([0., 0.]))
    """
    for value in values:
        if not isinstance(value, (Number, Tensor)):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                f"__torch_function__, but got {type(value).__name__}"
            )
    like: dict[str, Any] = {"dtype": torch.get_default_dtype()}
    for value in values:
        if isinstance(value, Tensor):
            like = {"dtype": value.dtype, "device": value.device}
            break
    tensors = [value if isinstance(value, Tensor) else torch.tensor(value, **like) for value in values]
    return tuple(torch.broadcast_tensors(*tensors))


def standard_normal(shape: Any, like: Tensor) -> Tensor:
    """Standard normal numbers of the dtype and on the device of `like`."""
    return torch.randn(shape, dtype=like.dtype, device=like.device)


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    """Standard normal numbers; of other libraries' distributions, which take it from here."""
    return torch.normal(
        torch.zeros(shape, dtype=dtype, device=device), torch.ones(shape, dtype=dtype, device=device)
    )


def uniform(shape: Any, like: Tensor) -> Tensor:
    """Numbers on [0, 1) of the dtype and on the device of `like`."""
    return torch.rand(shape, dtype=like.dtype, device=like.device)


def open_uniform(shape: Any, like: Tensor) -> Tensor:
    """Numbers on (0, 1), ends left out, so that logarithms of them and of their complements are finite."""
    return clamp_probs(uniform(shape, like))


def sum_rightmost(value: Tensor, count: int) -> Tensor:
    """The sum over the last `count` dimensions."""
    return value if count == 0 else value.sum(tuple(range(-count, 0)))


_sum_rightmost = sum_rightmost


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept one rounding error away from 0 and 1.

    >>> import tritonnn as torch
    >>> p = torch.distributions.utils.clamp_probs(torch.tensor([0., 0.5, 1.]))
    >>> bool(p[0] > 0), p[1].item(), bool(p[2] < 1)
    (True, 0.5, True)
    """
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """The sigmoid of log odds, or the softmax over the last dimension.

    >>> import tritonnn as torch
    >>> torch.distributions.utils.logits_to_probs(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """
    return torch.sigmoid(logits) if is_binary else torch.softmax(logits, -1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds of probabilities, or their logarithms; 0 and 1 are moved by a rounding error.

    >>> import tritonnn as torch
    >>> torch.distributions.utils.probs_to_logits(torch.tensor([0.5]), is_binary=True)
    tensor([0.])
    """
    inner = clamp_probs(probs)
    return torch.log(inner) - torch.log1p(-inner) if is_binary else torch.log(inner)


class lazy_property:
    """A property that is computed when first asked for, and kept in the instance.

    >>> class Circle:
    ...     @lazy_property
    ...     def area(self):
    ...         print("computing")
    ...         return 3.14
    >>> c = Circle()
    >>> c.area, c.area
    computing
    (3.14, 3.14)
    """

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of square matrices on and below a diagonal, row by row, as vectors.

    Raises:
        ValueError: there is no such diagonal.

    >>> import tritonnn as torch
    >>> torch.distributions.utils.tril_matrix_to_vec(torch.tensor([[1, 0], [2, 3]]))
    tensor([1, 2, 3])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = torch.tril_indices(n, n, diag, device=mat.device)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Square matrices with the elements of vectors on and below a diagonal, row by row, and zeros above.

    Raises:
        ValueError: no size of a matrix fits the number of elements.

    >>> import tritonnn as torch
    >>> torch.distributions.utils.vec_to_tril_matrix(torch.tensor([1, 2, 3]))
    tensor([[1, 0],
            [2, 3]])
    """
    count, n = vec.shape[-1], max(1, 1 - diag)
    while _elements_below(n, diag) < count:
        n += 1
    if _elements_below(n, diag) != count:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as the lower part of a square matrix."
        )
    rows, columns = torch.tril_indices(n, n, diag, device=vec.device)
    mat = vec.new_zeros((*vec.shape[:-1], n, n))
    mat[..., rows, columns] = vec
    return mat


def _elements_below(n: int, diag: int) -> int:
    """How many elements an n by n matrix has on and below a diagonal."""
    side = n + diag
    return side * (side + 1) // 2 if diag <= 0 else n * n - (n - diag) * (n - diag - 1) // 2
