"""Instance normalisation over 1, 2 and 3 spatial dimensions, and its lazy forms."""

from __future__ import annotations

import warnings
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn.modules.batchnorm import _LazyNorm, _NormBase

__all__ = [
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d",
    "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d",
]  # fmt: skip


class _InstanceNorm(_NormBase):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            # Before versions were recorded, statistics were tracked by default.
            stats = [prefix + name for name in ("running_mean", "running_var") if prefix + name in state_dict]
            if stats:
                name = type(self).__name__
                error_msgs.append(
                    f"Unexpected running stats buffer(s) {' and '.join(repr(key) for key in stats)} for "
                    f"{name} with track_running_stats=False. Remove these keys from state_dict, or if the "
                    f"statistics are needed, set track_running_stats=True in {name}."
                )
                for key in stats:
                    state_dict.pop(key)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        unbatched = input.ndim == self._input_dims[0]
        channel = 0 if unbatched else 1
        if input.shape[channel] != self.num_features:
            if self.affine:
                raise explained(ValueError)(
                    f"expected input's size at dim={channel} to match num_features ({self.num_features}), "
                    f"but got: {input.shape[channel]}."
                )
            warnings.warn(
                f"input's size at dim={channel} does not match num_features. You can silence this warning by "
                "not passing in num_features, which is not used because affine=False"
            )
        batch = input.unsqueeze(0) if unbatched else input
        output = F.instance_norm(
            batch, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip
        return output.squeeze(0) if unbatched else output


class InstanceNorm1d(_InstanceNorm):
    """(x - E[x]) / √(Var[x] + eps) · weight + bias, per sample and channel (Ulyanov et al. 2016).

    Args:
        num_features: number of channels C.
        eps: added to the (biased) variance.
        momentum: of the running statistics, where they are tracked.
        affine: whether there are weight (starts at 1) and bias (starts at 0).
        track_running_stats: keep running mean and variance and use them in evaluation.
        device, dtype: of parameters and buffers.
        bias: False leaves the bias out (keyword only).

    Shapes: (N, C, L) or (C, L), output alike.

    >>> import tritonnn as torch
    >>> torch.nn.InstanceNorm1d(1)(torch.tensor([[[1., 3.]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _input_dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W); arguments as of `InstanceNorm1d`.

    >>> import tritonnn as torch
    >>> torch.nn.InstanceNorm2d(3, affine=True)(torch.ones(2, 3, 5, 6)).shape
    torch.Size([2, 3, 5, 6])
    """

    _input_dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W); arguments as of `InstanceNorm1d`.

    >>> import tritonnn as torch
    >>> torch.nn.InstanceNorm3d(3)(torch.ones(2, 3, 4, 5, 6)).shape
    torch.Size([2, 3, 4, 5, 6])
    """

    _input_dims = (4, 5)


class _LazyInstanceNorm(_LazyNorm):
    def _channel_dim(self, input: Tensor) -> int:
        layer: Any = self
        return 0 if input.ndim == layer._input_dims[0] else 1


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """An InstanceNorm1d that learns `num_features` from its first input; affine and tracking by default.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyInstanceNorm1d()
    >>> layer(torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """An InstanceNorm2d that learns `num_features` from its first input; affine and tracking by default.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyInstanceNorm2d()
    >>> layer(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """An InstanceNorm3d that learns `num_features` from its first input; affine and tracking by default.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyInstanceNorm3d()
    >>> layer(torch.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """

    cls_to_become = InstanceNorm3d
