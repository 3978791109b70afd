"""Which function computes the divergence of a pair of classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions.distribution import Distribution
from tritonnn.errors import warn

_KL_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Decorator of a function of (p, q) that computes the divergence for two classes and those derived of them.

    A class need not be a distribution: one that distributions are derived of, beside `Distribution`, stands for them.

    Raises:
        TypeError: one of the two is no class.

    >>> import tritonnn as torch
    >>> D = torch.distributions
    >>> class MyNormal(D.Normal):
    ...     pass
    >>> @D.register_kl(MyNormal, MyNormal)
    ... def _mine(p, q):
    ...     return torch.zeros(())
    >>> D.kl_divergence(MyNormal(0., 1.), MyNormal(5., 1.))
    tensor(0.)
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type):
            raise TypeError(f"register_kl: expected {name} to be a class of distributions but got {kind!r}")

    def registered(function: Any) -> Any:
        _KL_REGISTRY[type_p, type_q] = function
        _dispatch.cache_clear()
        return function

    return registered


@cache
def _dispatch(type_p: type, type_q: type) -> Any:
    """The function of the nearest pair of classes above; None where there is none."""

    def distances(pair: tuple[type, type]) -> tuple[int, int]:
        return type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])

    pairs = [(p, q) for p, q in _KL_REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not pairs:
        return None
    left = min(pairs, key=distances)
    right = min(pairs, key=lambda pair: distances(pair)[::-1])
    if _KL_REGISTRY[left] is not _KL_REGISTRY[right]:
        names = [f"kl_divergence({p.__name__}, {q.__name__})" for p, q in (left, right)]
        warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({left[0].__name__}, "
            f"{right[1].__name__}): {names[0]} and {names[1]} are equally near",
            RuntimeWarning,
        )
    return _KL_REGISTRY[left]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q), the mean of log p(x) - log q(x) under p, of each distribution of the batch.

    Raises:
        NotImplementedError: no formula is registered for the classes.

    >>> import tritonnn as torch
    >>> D = torch.distributions
    >>> D.kl_divergence(D.Normal(0., 1.), D.Normal(1., 1.))
    tensor(0.5000)
    """
    kinds: Any = type(p), type(q)
    function = _dispatch(*kinds)
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    return function(p, q)
