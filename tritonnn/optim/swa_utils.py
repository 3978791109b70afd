"""Averages of a model's parameters over training: stochastic weight averaging and exponential moving averages.

Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", arXiv:1803.05407.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, Literal

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module
from tritonnn.nn.modules.batchnorm import _BatchNorm
from tritonnn.optim.lr_scheduler import LRScheduler
from tritonnn.optim.lr_scheduler._base import Rate
from tritonnn.optim.optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

#: average, current value and the number of models averaged so far -> the next average
AvgFn = Callable[[Tensor, Tensor, "Tensor | int"], Tensor]
#: the same for lists of one device and dtype, in place
MultiAvgFn = Callable[[Sequence[Tensor], Sequence[Tensor], "Tensor | int"], None]


def get_ema_avg_fn(decay: float = 0.999) -> AvgFn:
    """The exponential moving average ``average * decay + current * (1 - decay)`` of one tensor.

    Args:
        decay: weight of the average so far, in [0, 1].

    Raises:
        ValueError: ``decay`` is out of range.

    Example:
        >>> import tritonnn as torch
        >>> torch.optim.swa_utils.get_ema_avg_fn(0.75)(torch.ones(2), torch.zeros(2), 1)
        tensor([0.7500, 0.7500])
    """
    _check_decay(decay)

    @tritonnn.no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Tensor | int) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAvgFn:
    """The exponential moving average of a list of tensors, in place.

    Args:
        decay: weight of the average so far, in [0, 1].

    Raises:
        ValueError: ``decay`` is out of range.

    Example:
        >>> import tritonnn as torch
        >>> average = [torch.ones(2)]
        >>> torch.optim.swa_utils.get_ema_multi_avg_fn(0.75)(average, [torch.zeros(2)], 1)
        >>> average[0]
        tensor([0.7500, 0.7500])
    """
    _check_decay(decay)

    @tritonnn.no_grad()
    def ema_update(
        ema_param_list: Sequence[Tensor], current_param_list: Sequence[Tensor], _: Tensor | int
    ) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_avg_fn() -> AvgFn:
    """The mean over all models, of one tensor: ``average + (current - average) / (num_averaged + 1)``.

    Example:
        >>> import tritonnn as torch
        >>> torch.optim.swa_utils.get_swa_avg_fn()(torch.ones(2), torch.zeros(2), 3)
        tensor([0.7500, 0.7500])
    """

    @tritonnn.no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Tensor | int) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_swa_multi_avg_fn() -> MultiAvgFn:
    """The mean over all models, of a list of tensors, in place.

    Example:
        >>> import tritonnn as torch
        >>> average = [torch.ones(2)]
        >>> torch.optim.swa_utils.get_swa_multi_avg_fn()(average, [torch.zeros(2)], 3)
        >>> average[0]
        tensor([0.7500, 0.7500])
    """

    @tritonnn.no_grad()
    def swa_update(
        averaged_param_list: Sequence[Tensor],
        current_param_list: Sequence[Tensor],
        num_averaged: Tensor | int,
    ) -> None:
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            step = (current - average) / (num_averaged + 1)
            if average.is_floating_point() or average.is_complex():
                average.add_(step)
            else:
                average.copy_(average + step)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are the average of those it has been updated with.

    The first update copies the parameters, each later one averages them. BatchNorm's statistics belong to other
    parameters: call ``update_bn`` at the end, or average them too with ``use_buffers=True``.

    Args:
        model: the model; it is copied, not changed.
        device: where the average is kept; default: where the model is.
        avg_fn: the average of one tensor; default: the mean over all models.
        multi_avg_fn: the average of a list of tensors, in place; instead of ``avg_fn``.
        use_buffers: average the buffers as well; otherwise they are those of the last model.

    Raises:
        AssertionError: both ``avg_fn`` and ``multi_avg_fn`` are given.

    Example:
        >>> import tritonnn as torch
        >>> model = torch.nn.Linear(1, 1, bias=False)
        >>> averaged = torch.optim.swa_utils.AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = torch.nn.init.constant_(model.weight, value)
        ...     averaged.update_parameters(model)
        >>> averaged.module.weight.item(), int(averaged.n_averaged)
        (3.0, 3)
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: int | str | tritonnn.device | None = None,
        avg_fn: AvgFn | None = None,
        multi_avg_fn: MultiAvgFn | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tritonnn.tensor(0, dtype=tritonnn.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the parameters of ``model`` into the average.

        Args:
            model: a model with the parameters that this one was created from.

        Raises:
            ValueError: the models have another number of parameters, or of other shapes; nothing is changed then.
        """
        averages = [t.detach() for t in self._averaged(self.module)]
        values = [t.detach().to(a.device) for t, a in self._pairs(averages, model)]
        if not int(self.n_averaged):
            for average, value in zip(averages, values, strict=True):
                average.copy_(value)
        elif self.avg_fn is not None:
            for average, value in zip(averages, values, strict=True):
                average.copy_(self.avg_fn(average, value, self.n_averaged.to(average.device)))
        else:
            update = self.multi_avg_fn or get_swa_multi_avg_fn()
            for some, theirs in _by_kind(averages, values):
                update(some, theirs, self.n_averaged.to(some[0].device))
        if not self.use_buffers:
            for kept, value in zip(self.module.buffers(), model.buffers(), strict=False):
                kept.detach().copy_(value.detach().to(kept.device))
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        return (
            itertools.chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()
        )

    def _pairs(self, averages: list[Tensor], model: Module) -> list[tuple[Tensor, Tensor]]:
        values = list(self._averaged(model))
        shapes = [[tuple(t.shape) for t in some] for some in (averages, values)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"update_parameters: the model has tensors of the shapes {shapes[1]}, the average {shapes[0]}"
            )
        return list(zip(values, averages, strict=True))


@tritonnn.no_grad()
def update_bn(
    loader: Iterable[Any], model: Module, device: int | str | tritonnn.device | None = None
) -> None:
    """Computes the running statistics of all BatchNorm layers anew: the mean over the batches of ``loader``.

    Args:
        loader: batches; of a list or tuple the first member is the model's input.
        model: its BatchNorm layers are reset and filled; its mode is restored.
        device: where inputs are moved to before the model is called.

    Example:
        >>> import tritonnn as torch
        >>> model = torch.nn.BatchNorm1d(1)
        >>> torch.optim.swa_utils.update_bn([torch.tensor([[1.0], [3.0]]), torch.tensor([[4.0], [8.0]])], model)
        >>> model.running_mean
        tensor([4.])
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    was_training = model.training
    model.train()
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean over all batches
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """Anneals every group's learning rate to ``swa_lr`` and keeps it there.

    Args:
        optimizer: whose groups to schedule.
        swa_lr: the final rate, one for all groups or one each.
        anneal_epochs: epochs until it is reached.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        {last_epoch}

    Raises:
        ValueError: an unknown strategy, a negative number of epochs, or as many rates as there are no groups.

    Example:
        >>> import tritonnn as torch
        >>> opt = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        >>> scheduler = torch.optim.swa_utils.SWALR(opt, 0.5, anneal_epochs=2, anneal_strategy="linear")
        >>> rates = []
        >>> for epoch in range(3):
        ...     opt.step(); scheduler.step(); rates += scheduler.get_last_lr()
        >>> rates
        [0.75, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(
                "swa_lr must have the same length as optimizer.param_groups. "
                f"swa_lr has {len(rates)} values, param_groups has {len(groups)}."
            )
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, rate in zip(groups, rates, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rates of this epoch, from those of the last: another schedule may have changed them since."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            swa_lr, lr = group["swa_lr"], group["lr"]
            start = swa_lr if before == 1 else (lr - swa_lr * before) / (1 - before)
            rates.append(swa_lr * now + start * (1 - now))
        return rates

    def _share(self, step: int) -> float:
        """How much of the way to ``swa_lr`` is done, from 0 to 1."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _by_kind(averages: list[Tensor], values: list[Tensor]) -> Iterable[tuple[list[Tensor], list[Tensor]]]:
    """The pairs, those of one device and one dtype together."""
    kinds: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
    for average, value in zip(averages, values, strict=True):
        some, theirs = kinds.setdefault((average.device, average.dtype), ([], []))
        some.append(average)
        theirs.append(value)
    return kinds.values()
