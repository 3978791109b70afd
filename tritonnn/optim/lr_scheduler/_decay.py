"""Schedules that multiply the rate by a factor."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tritonnn.optim.lr_scheduler._base import FactorScheduler, LRScheduler, Rate, callable_state, group_values
from tritonnn.optim.optimizer import Optimizer

Lambdas = Callable[[int], float] | list[Callable[[int], float]]


class _FunctionScheduler(LRScheduler):
    """Holds one function of the epoch per group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Lambdas, last_epoch: int = -1) -> None:
        count = len(optimizer.param_groups)
        functions = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(functions) != count:
            raise ValueError(f"Expected {count} lr_lambdas, but got {len(functions)}")
        for function in functions:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        self.lr_lambdas = functions
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; functions are left out, of other callables the attributes stay."""
        state = super().state_dict()
        state["lr_lambdas"] = [callable_state(function) for function in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what ``state_dict`` returned; functions stay those given to the constructor."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                function.__dict__.update(saved)


class LambdaLR(_FunctionScheduler):
    r"""The initial rate times a function of the epoch.

    The initial rate :math:`lr_0` is multiplied by the function: :math:`lr_t = lr_0\,f(t)`.

    Args:
        optimizer: whose groups to schedule.
        lr_lambda: function of the epoch, or one per group.
        {last_epoch}

    Raises:
        ValueError: not as many functions as groups.
        TypeError: ``lr_lambda`` is no function.
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 1 / (1 + epoch))
        >>> opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[Rate]:
        """The initial rates times the functions' values."""
        self._warn_outside_step()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_FunctionScheduler):
    r"""The present rate times a function of the epoch.

    :math:`lr_t = lr_{t-1}\,f(t)`.

    Args:
        optimizer: whose groups to schedule.
        lr_lambda: function of the epoch, or one per group.
        {last_epoch}

    Raises:
        ValueError: not as many functions as groups.
        TypeError: ``lr_lambda`` is no function.
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.MultiplicativeLR(opt, lambda epoch: 0.5)
        >>> for _ in range(2):
        ...     opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def get_lr(self) -> list[Rate]:
        """The present rates times the functions' values."""
        self._warn_outside_step()
        rates = group_values(self.optimizer, "lr")
        if self._is_initial:
            return rates
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, rates, strict=True)]


def _factor_given(gamma: float) -> float:
    """Refuses None, which would stand for a step without decay."""
    if gamma is None:
        raise TypeError("gamma must be a number, not NoneType")
    return gamma


class StepLR(FactorScheduler):
    r"""Multiplies the rate by ``gamma`` every ``step_size`` epochs.

    :math:`lr_t = lr_0\,\gamma^{\lfloor t / step\_size \rfloor}`.

    Args:
        optimizer: whose groups to schedule.
        step_size: epochs between two decays.
        gamma: factor of a decay.
        {last_epoch}

    Raises:
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
        >>> for _ in range(4):
        ...     opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = _factor_given(gamma)
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        return None if t == 0 or t % self.step_size != 0 else self.gamma

    def _total_factor(self, t: int) -> float:
        return self.gamma ** (t // self.step_size)


class MultiStepLR(FactorScheduler):
    r"""Multiplies the rate by ``gamma`` at each of the milestones.

    :math:`lr_t = lr_0\,\gamma^{k}`, where k milestones are at most t.

    Args:
        optimizer: whose groups to schedule.
        milestones: epochs of the decays; one that stands there twice counts twice.
        gamma: factor of a decay.
        {last_epoch}

    Raises:
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[1, 3], gamma=0.5)
        >>> for _ in range(3):
        ...     opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        return self.gamma ** self.milestones[t] if t in self.milestones else None

    def _total_factor(self, t: int) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), t)


class ConstantLR(FactorScheduler):
    r"""Holds the rate at ``factor`` times its value until epoch ``total_iters``.

    :math:`lr_t = lr_0 \cdot factor` for :math:`t < total\_iters`, then :math:`lr_0`.

    Args:
        optimizer: whose groups to schedule.
        factor: between 0 and 1.
        total_iters: epoch at which the rate returns to its value.
        {last_epoch}

    Raises:
        ValueError: ``factor`` is not between 0 and 1.
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        if t == 0:
            return self.factor
        return 1.0 / self.factor if t == self.total_iters else None

    def _total_factor(self, t: int) -> float:
        return self.factor if t < self.total_iters else 1.0


class LinearLR(FactorScheduler):
    r"""Moves the rate's factor linearly from ``start_factor`` to ``end_factor`` over ``total_iters`` epochs.

    :math:`lr_t = lr_0\,(s + (e - s) \min(t, n) / n)` from ``start_factor`` s to ``end_factor`` e in
    ``total_iters`` n.

    Args:
        optimizer: whose groups to schedule.
        start_factor: above 0, at most 1.
        end_factor: between 0 and 1.
        total_iters: epochs until ``end_factor`` is reached.
        {last_epoch}

    Raises:
        ValueError: ``start_factor`` is not above 0 and at most 1, or ``end_factor`` not between 0 and 1.
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
        >>> opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1."
            )
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        if t == 0:
            return self.start_factor
        if self._is_initial or t > self.total_iters:
            return None
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (t - 1) * rise)

    def _total_factor(self, t: int) -> float:
        rise = self.end_factor - self.start_factor
        return self.start_factor + rise * min(self.total_iters, t) / self.total_iters


class ExponentialLR(FactorScheduler):
    r"""Multiplies the rate by ``gamma`` every epoch.

    :math:`lr_t = lr_0\,\gamma^t`.

    Args:
        optimizer: whose groups to schedule.
        gamma: factor of an epoch.
        {last_epoch}

    Raises:
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
        >>> opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = _factor_given(gamma)
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        return None if self._is_initial else self.gamma

    def _total_factor(self, t: int) -> float:
        return self.gamma**t


class PolynomialLR(FactorScheduler):
    r"""Decays the rate to zero as ``(1 - t / total_iters) ** power``.

    :math:`lr_t = lr_0\,(1 - \min(t, n) / n)^{power}` with ``total_iters`` n.

    Args:
        optimizer: whose groups to schedule.
        total_iters: epochs until zero is reached.
        power: exponent.
        {last_epoch}

    Raises:
        {raised}

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.lr_scheduler.PolynomialLR(opt, total_iters=4)
        >>> opt.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _factor(self, t: int) -> float | None:
        if self._is_initial or t > self.total_iters:
            return None
        return ((1.0 - t / self.total_iters) / (1.0 - (t - 1) / self.total_iters)) ** self.power

    def _total_factor(self, t: int) -> float:
        return (1.0 - min(self.total_iters, t) / self.total_iters) ** self.power
