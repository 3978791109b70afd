"""What all transforms have, and the inverse of one."""

from __future__ import annotations

import weakref
from typing import Any

from tritonnn._tensor import Tensor

__all__ = ["Transform"]


class Transform:
    """A map of values with an inverse and the logarithm of its Jacobian's determinant.

    Args:
        cache_size: 1 keeps the latest pair of values, so that the inverse of a result is what it was made of.

    Raises:
        ValueError: another `cache_size` than 0 or 1.

    A kind says `domain` and `codomain`, `bijective`, `sign` where it is monotonic, and has `_call`, `_inverse` and
    `log_abs_det_jacobian`.

    >>> import tritonnn as torch
    >>> t = torch.distributions.transforms.ExpTransform()
    >>> x = torch.tensor([0.5, 1.])
    >>> t(x), t.inv(t(x)), t.log_abs_det_jacobian(x, t(x))
    (tensor([1.6487, 2.7183]), tensor([0.5000, 1.0000]), tensor([0.5000, 1.0000]))
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, but got {cache_size}")
        self._cache_size = cache_size
        self._inv: weakref.ref[Transform] | None = None
        self._cached: tuple[Any, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        # a weak reference does not pickle, and comes again when asked for
        return {**self.__dict__, "_inv": None}

    @property
    def event_dim(self) -> int:
        """The number of dimensions of one event, where domain and codomain have the same."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(
                "Please use either .domain.event_dim or .codomain.event_dim: they are "
                f"{self.domain.event_dim} and {self.codomain.event_dim}"
            )
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse, a transform as well."""
        inverse = None if self._inv is None else self._inv()
        if inverse is None:
            inverse = _InverseTransform(self)
            self._inv = weakref.ref(inverse)
        return inverse

    @property
    def sign(self) -> Any:
        """1 where increasing, -1 where decreasing."""
        raise NotImplementedError

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same transform with a cache of that size."""
        if self._cache_size == cache_size:
            return self
        return self._copy(cache_size)

    def _copy(self, cache_size: int) -> Transform:
        if type(self).__init__ is not Transform.__init__:
            raise NotImplementedError(f"{type(self)}.with_cache is not implemented")
        return type(self)(cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __call__(self, x: Tensor) -> Tensor:
        """The image of `x`."""
        if self._cache_size == 0:
            return self._call(x)
        if x is not self._cached[0]:
            self._cached = (x, self._call(x))
        return self._cached[1]

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size == 0:
            return self._inverse(y)
        if y is not self._cached[1]:
            self._cached = (self._inverse(y), y)
        return self._cached[0]

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dy/dx|, or of the determinant where events have dimensions."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return type(self).__name__ + "()"

    def forward_shape(self, shape: tuple[int, ...]) -> Any:
        """The shape of the image of a tensor of that shape."""
        return shape

    def inverse_shape(self, shape: tuple[int, ...]) -> Any:
        """The shape of what has an image of that shape."""
        return shape


class _InverseTransform(Transform):
    """The inverse of `_inv`; it keeps the transform alive, which knows it by a weak reference."""

    _inv: Any

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    @property
    def domain(self) -> Any:
        return self._inv.codomain

    @property
    def codomain(self) -> Any:
        return self._inv.domain

    @property
    def bijective(self) -> Any:
        return self._inv.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._inv.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._inv == other._inv

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inv!r})"

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: tuple[int, ...]) -> Any:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Any:
        return self._inv.forward_shape(shape)
