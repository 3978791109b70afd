"""What all distributions have: shapes, checked arguments, and the methods that families fill in."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import tritonnn as torch
from tritonnn._levels import every, levels_in
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.utils import Shape, lazy_property
from tritonnn.errors import warn
from tritonnn.shape import Size

__all__ = ["Distribution"]


class Distribution:
    """A batch of distributions, each of events of `event_shape`.

    Args:
        batch_shape: the shape of the batch.
        event_shape: the shape of one event.
        validate_args: whether to check parameters and values; by default what `set_default_validate_args` says,
            at first yes.

    Raises:
        ValueError: a parameter does not satisfy its constraint.

    A family names its parameters and their constraints in `arg_constraints`. One whose parameters all are attributes
    says in `_expands` how many dimensions of an event each has; that is all that `expand` needs.

    >>> import tritonnn as torch
    >>> d = torch.distributions.Normal(torch.zeros(3), 1.0)
    >>> d.batch_shape, d.event_shape, d.sample((2,)).shape
    (torch.Size([3]), torch.Size([]), torch.Size([2, 3]))
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__
    _expands: ClassVar[dict[str, int] | None] = None

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check their arguments where they are not told.

        Raises:
            ValueError: `value` is neither True nor False.
        """
        if value is not True and value is not False:
            raise ValueError(f"value must be True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Shape = Size(), event_shape: Shape = Size(), validate_args: bool | None = None
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _validate_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            wanted = {}
            warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize "
                "the distribution with `validate_args=False` to turn off validation."
            )
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            computed = isinstance(inspect.getattr_static(type(self), name, None), lazy_property)
            if computed and name not in self.__dict__:
                continue  # follows from a parameter that is checked
            value = getattr(self, name)
            valid = constraint.check(value)
            if not bool(every(valid).all()):
                raise ValueError(
                    f"Expected parameter {name} ({_described(value)}) of distribution {self!r} to satisfy the "
                    f"constraint {constraint!r}, but found invalid values:\n{_shown(value, valid)}"
                )

    def _validate_sample(self, value: Tensor) -> None:
        """Refuse what is no value of this distribution."""
        if not isinstance(value, Tensor):
            raise ValueError(f"The value argument to log_prob must be a Tensor, not {type(value).__name__}")
        events = len(self._event_shape)
        if value.shape[value.dim() - events :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        wanted = self._batch_shape + self._event_shape
        for given, own in zip(reversed(value.shape), reversed(wanted)):
            if given != 1 and own != 1 and given != own:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {wanted}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation."
            )
            return
        assert support is not None
        valid = support.check(value)
        if not bool(every(valid).all()):
            raise ValueError(
                f"Expected value argument ({_described(value)}) to be within the support ({support!r}) of the "
                f"distribution {self!r}, but found invalid values:\n{_shown(value, valid)}"
            )

    # ---- shapes -------------------------------------------------------------------------------------------

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one event."""
        return self._event_shape

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """A distribution of a larger batch, whose parameters are views of this one's.

        Raises:
            NotImplementedError: a family that cannot, or a class with an `__init__` of its own and no `expand`.
        """
        if self._expands is None:
            raise NotImplementedError
        owner = next(cls for cls in type(self).__mro__ if "_expands" in vars(cls))
        new = self._get_checked_instance(owner, _instance)
        batch_shape = Size(batch_shape)
        for name, value in self.__dict__.items():
            if name in self._expands:
                events = value.shape[value.dim() - self._expands[name] :]
                new.__dict__[name] = value.expand(batch_shape + events)
            elif name in self._carries:
                new.__dict__[name] = value
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        new._after_expand()
        return new

    #: attributes that an expanded distribution takes over as they are
    _carries: ClassVar[frozenset[str]] = frozenset()

    def _after_expand(self) -> None:
        """What a family has besides its parameters."""

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _extended_shape(self, sample_shape: Shape = Size()) -> Size:
        """The shape of a sample."""
        return Size(sample_shape) + self._batch_shape + self._event_shape

    # ---- what families say --------------------------------------------------------------------------------

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """The constraint of each parameter."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint that values satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        """Values drawn without a gradient, `sample_shape` of them for each distribution."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        """Values drawn as a differentiable function of the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`, which is the newer way to write it."""
        warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning)
        return self.sample(Size((n,)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density or probability at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of what is at most `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The value below which a share of `value` of the probability lies."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first dimension."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy, in natural units."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """exp of the entropy."""
        return torch.exp(self.entropy())

    def __repr__(self) -> str:
        try:
            names = [name for name in self.arg_constraints if name in self.__dict__]
        except NotImplementedError:
            names = []
        values = [self.__dict__[name] for name in names]
        shown = [v if v.numel() == 1 else v.size() for v in values]
        parts = [f"{n}: {repr(v) if levels_in(v) else v}" for n, v in zip(names, shown, strict=True)]
        return f"{type(self).__name__}({', '.join(parts)})"


def _described(value: Tensor) -> str:
    kind = "Tensor" if levels_in(value) else type(value).__name__
    return f"{kind} of shape {tuple(value.shape)}"


def _shown(value: Tensor, valid: Tensor) -> str:
    """The values, and of many the first event that is wrong."""
    if valid.dim() == 0 or not isinstance(valid, Tensor) or levels_in(valid):
        return str(value)
    if valid.dim() > value.dim() or valid.shape != value.shape[: valid.dim()]:
        return str(value)
    place: Sequence[int] = tuple(int(i) for i in (~valid).nonzero()[0])
    return f"{value}\nThe first of them, at {tuple(place)}: {value[tuple(place)].tolist()}"
