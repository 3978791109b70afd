"""The base class of the schedules."""

from __future__ import annotations

import functools
import types
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Group, Optimizer

Rate = float | Tensor

_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
    "`optimizer.step()` before `lr_scheduler.step()`; otherwise the first value of the schedule is skipped."
)
_EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible: use "
    "`scheduler.step()`. With an epoch given, the closed form of the schedule is used where there is one."
)

#: what stands in the docstring of every schedule that takes these arguments and raises these exceptions
SHARED = {
    "{last_epoch}": "last_epoch: index of the last epoch when resuming, -1 to start.",
    "{raised}": "TypeError: ``optimizer`` is none.\n"
    "        KeyError: a group has no ``initial_lr`` though ``last_epoch`` says that training is resumed.",
}


def _note_steps(optimizer: Optimizer) -> None:
    """Have a `step` that runs no hooks note that it was called, as that of an optimizer around another one."""
    step = optimizer.step
    if getattr(step, "hooked", False):
        return
    around = weakref.ref(optimizer)  # which holds the function below
    called = getattr(step, "__func__", None) or _plain(step)

    @functools.wraps(called)
    def noting(*args: Any, **kwargs: Any) -> Any:
        self: Any = around()
        self._opt_called = True
        return called(self, *args, **kwargs)

    noting.hooked = True  # type: ignore[attr-defined]
    optimizer.step = noting


def _plain(step: Callable) -> Callable:
    """A function that is no method as one, which does without the object."""
    return lambda self, *args, **kwargs: step(*args, **kwargs)


class LRScheduler:
    """Base class: sets the learning rate of every parameter group at each ``step``.

    A subclass defines ``get_lr``, which returns the rates for ``self.last_epoch``, one per group.

    Args:
        optimizer: whose groups to schedule.
        last_epoch: index of the last epoch when resuming, -1 to start.

    Raises:
        TypeError: not an optimizer. KeyError: resuming while a group has no ``initial_lr``.

    Example:
        >>> import tritonnn as torch
        >>> class Halve(torch.optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [lr / 2**self.last_epoch for lr in self.base_lrs]
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = Halve(opt)
        >>> opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    last_epoch: int
    _last_lr: list[Rate]

    def __init_subclass__(cls) -> None:
        if cls.__doc__:
            for mark, text in SHARED.items():
                cls.__doc__ = cls.__doc__.replace(mark, text)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0: load the optimizer's state first, or start with last_epoch=-1"
                )
        self.base_lrs: list[Rate] = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what ``state_dict`` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Rate]:
        """The rates set by the last ``step``, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Rate]:
        """The rates for ``self.last_epoch``; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr method")

    def step(self, epoch: int | None = None) -> None:
        """Moves on by one epoch, or to ``epoch``, and sets the rates.

        Warns:
            UserWarning: called before the optimizer has made a step, or with an epoch.
        """
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(_ORDER, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(_EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        rates = self.get_lr
        if epoch is not None:
            rates = getattr(self, "_get_closed_form_lr", rates)
        self._set_rates(rates)

    def _set_rates(self, rates: Callable[[], Sequence[Rate]]) -> None:
        self._get_lr_called_within_step = True
        try:
            values = rates()
        finally:
            self._get_lr_called_within_step = False
        for group, value in zip(self.optimizer.param_groups, values, strict=True):
            set_group_value(group, "lr", value)
        self._last_lr = group_values(self.optimizer, "lr")

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )


class _LRScheduler(LRScheduler):
    """The older name of the base class."""


class FactorScheduler(LRScheduler):
    """A schedule that multiplies the present rates, so that several of them can be chained.

    A subclass gives ``_factor(t)``, the ratio of the rates of epochs t and t - 1, and ``_total_factor(t)``,
    their product up to epoch t.
    """

    def get_lr(self) -> list[Rate]:
        """The present rates times the factor of this epoch."""
        self._warn_outside_step()
        factor = self._factor(self.last_epoch)
        if factor is None:
            return group_values(self.optimizer, "lr")
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self) -> list[Rate]:
        return [lr * self._total_factor(self.last_epoch) for lr in self.base_lrs]

    def _factor(self, t: int) -> float | None:
        raise NotImplementedError

    def _total_factor(self, t: int) -> float:
        raise NotImplementedError


def check_optimizer(optimizer: Any) -> None:
    """Raises TypeError for what is not an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def copied(value: Any) -> Any:
    """A rate that stays what it is when the group's tensor changes in place."""
    return value.clone() if isinstance(value, Tensor) else value


def group_values(optimizer: Optimizer, key: str) -> list[Any]:
    """Copies of one option of all groups."""
    return [copied(group[key]) for group in optimizer.param_groups]


def set_group_value(group: Group, key: str, value: Rate) -> None:
    """Sets an option; a tensor keeps its identity, since a captured graph reads its memory."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.squeeze() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value per group from a single one or a sequence."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in range(count)]
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return [copied(v) for v in value]


def callable_state(function: Any) -> dict[str, Any] | None:
    """What can be saved of a callable: the attributes of an object, nothing of a function or lambda."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()
