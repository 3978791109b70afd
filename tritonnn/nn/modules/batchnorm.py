"""Batch normalisation over 1, 2 and 3 spatial dimensions, its lazy forms, and the base of instance
normalisation.
"""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import UninitializedBuffer, UninitializedParameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import int64
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.lazy import LazyExtent
from tritonnn.nn.modules.normalization import _Affine
from tritonnn.ops.creation.creation import ones, zeros
from tritonnn.ops.creation.from_data import tensor

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm",
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d",
]  # fmt: skip


class _NormBase(_Affine):
    """Parameters and running statistics of batch and instance normalisation."""

    _version = 2
    # What forward accepts; the batch dimension may be optional.
    _input_dims: tuple[int, ...] = ()

    num_features: int
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._register_affine(num_features, affine, bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer(
            "running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "running_var", ones(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "num_batches_tracked", tensor(0, dtype=int64, device=device) if tracked else None
        )
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what has been seen: mean 0, variance 1, count 0."""
        if self.track_running_stats:
            stats: Any = self
            stats.running_mean.zero_()
            stats.running_var.fill_(1)
            stats.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Reset running statistics, weight (1) and bias (0)."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._input_dims:
            expected = " or ".join(f"{dims}D" for dims in self._input_dims)
            raise explained(ValueError)(f"expected {expected} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            # Version 1 files have no counter.
            counter = self.num_batches_tracked
            known = counter is not None and not counter.is_meta
            state_dict[key] = counter if known else tensor(0, dtype=int64)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        if self._input_dims:
            self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        mean, var = self.running_mean, self.running_var
        if self.training and self.track_running_stats:
            counter: Any = self.num_batches_tracked
            if counter is not None:
                counter.add_(1)
                if self.momentum is None:  # cumulative average
                    factor = 1.0 / float(counter)
        batch_statistics = self.training or (mean is None and var is None)
        if self.training and not self.track_running_stats:
            mean = var = None
        return F.batch_norm(input, mean, var, self.weight, self.bias, batch_statistics, factor, self.eps)


class BatchNorm1d(_BatchNorm):
    """(x - E[x]) / √(Var[x] + eps) · weight + bias, per channel over the batch (Ioffe and Szegedy 2015).

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: running = (1-momentum)·running + momentum·batch; None: average over all batches.
        affine: whether there are weight (starts at 1) and bias (starts at 0).
        track_running_stats: keep running mean and (unbiased) variance and use them in evaluation.
        device, dtype: of parameters and buffers.
        bias: False leaves the bias out (keyword only).

    Shapes: (N, C) or (N, C, L), output alike. The batch variance is the biased one.

    >>> import tritonnn as torch
    >>> m = torch.nn.BatchNorm1d(1, affine=False)
    >>> m(torch.tensor([[1.], [3.]]))
    tensor([[-1.0000],
            [ 1.0000]])
    >>> m.running_mean, m.running_var
    (tensor([0.2000]), tensor([1.1000]))
    """

    _input_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W) per channel; arguments as of `BatchNorm1d`.

    >>> import tritonnn as torch
    >>> torch.nn.BatchNorm2d(4)(torch.ones(2, 4, 5, 6)).shape
    torch.Size([2, 4, 5, 6])
    """

    _input_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W) per channel; arguments as of `BatchNorm1d`.

    >>> import tritonnn as torch
    >>> torch.nn.BatchNorm3d(4)(torch.ones(2, 4, 3, 5, 6)).shape
    torch.Size([2, 4, 3, 5, 6])
    """

    _input_dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation with statistics over all processes of a group; in one process the same as
    BatchNorm.

    Args:
        num_features, eps, momentum, affine, track_running_stats, device, dtype, bias: as of `BatchNorm1d`.
        process_group: processes to share statistics with; None: all of them.

    >>> import tritonnn as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(20, 100), torch.nn.BatchNorm1d(100))
    >>> torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)[1].num_features
    100
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim < 2:
            raise explained(ValueError)(f"expected at least 2D input (got {input.ndim}D input)")
        if input.shape[1] == 0:
            raise explained(ValueError)("SyncBatchNorm number of input channels should be non-zero")
        if self.training and _world_size(self.process_group) > 1:
            raise NotImplementedError(
                "SyncBatchNorm: statistics over several processes are not implemented yet"
            )
        return super().forward(input)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """`module` with every BatchNorm in it replaced by a SyncBatchNorm with the same parameters and
        buffers.
        """
        result = module
        if isinstance(module, _BatchNorm):
            result = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group,
            )  # fmt: skip
            result.weight, result.bias = module.weight, module.bias
            result.running_mean, result.running_var = module.running_mean, module.running_var
            result.num_batches_tracked = module.num_batches_tracked
            result.training = module.training
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result


def _world_size(group: Any) -> int:
    import sys

    distributed = sys.modules.get("tritonnn.distributed")
    if distributed is None or not distributed.is_initialized():
        return 1
    return distributed.get_world_size(group)


class _LazyNorm(LazyExtent):
    """Learns `num_features` from the first input's channels; the other arguments as of the ordinary class."""

    _extent = "num_features"

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype)
        layer: Any = self
        layer.affine = affine
        layer.track_running_stats = track_running_stats
        if layer.affine:
            layer.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                layer.bias = UninitializedParameter(device=device, dtype=dtype)
        if layer.track_running_stats:
            layer.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            layer.running_var = UninitializedBuffer(device=device, dtype=dtype)
            layer.num_batches_tracked = tensor(0, dtype=int64, device=device)

    def _learn(self, input: Tensor) -> int:
        layer: Any = self
        layer._check_input_dim(input)
        return input.shape[self._channel_dim(input)]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        layer: Any = self
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (layer.num_features,))

    def _channel_dim(self, input: Tensor) -> int:
        return 1


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A BatchNorm1d that learns `num_features` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyBatchNorm1d()
    >>> layer(torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A BatchNorm2d that learns `num_features` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyBatchNorm2d()
    >>> layer(torch.ones(2, 3, 4, 4)).shape, layer.num_features
    (torch.Size([2, 3, 4, 4]), 3)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A BatchNorm3d that learns `num_features` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyBatchNorm3d()
    >>> layer(torch.ones(2, 3, 1, 2, 2)).shape
    torch.Size([2, 3, 1, 2, 2])
    """

    cls_to_become = BatchNorm3d
