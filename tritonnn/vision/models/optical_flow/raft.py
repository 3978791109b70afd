"""RAFT (https://arxiv.org/abs/2003.12039): optical flow by updates that look up how alike pixels of two frames are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.nn.modules.batchnorm import BatchNorm2d
from tritonnn.nn.modules.instancenorm import InstanceNorm2d
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.optical_flow._raft_layers import (
    BottleneckBlock,
    FeatureEncoder,
    FlowHead,
    MaskPredictor,
    MotionEncoder,
    RecurrentBlock,
    UpdateBlock,
)
from tritonnn.vision.models.optical_flow._raft_layers import (
    ConvGRU as ConvGRU,
)
from tritonnn.vision.models.optical_flow._raft_layers import (
    ResidualBlock as ResidualBlock,
)
from tritonnn.vision.models.optical_flow._utils import grid_sample, make_coords_grid, upsample_flow

__all__ = ("RAFT", "Raft_Large_Weights", "Raft_Small_Weights", "raft_large", "raft_small")


class CorrBlock(nn.Module):
    """How alike each pixel of a frame is to those of another, at several sizes of the latter.

    Args:
        num_levels: sizes, each half of the one before.
        radius: how far around a place is looked up.
    """

    corr_pyramid: list[Tensor]

    def __init__(self, *, num_levels: int = 4, radius: int = 4) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.radius = radius
        self.corr_pyramid = []
        self.out_channels = num_levels * (2 * radius + 1) ** 2

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        """Compare the features of two frames, each pixel with each.

        Raises ValueError where they differ in shape, or are too small for the number of levels.
        """
        if fmap1.shape != fmap2.shape:
            raise ValueError(
                f"Input feature maps should have the same shape, instead got {fmap1.shape} (fmap1.shape) != "
                f"{fmap2.shape} (fmap2.shape)"
            )
        least = 2**self.num_levels
        if any(size < least for size in fmap1.shape[-2:]):
            raise ValueError(
                "Feature maps are too small to be down-sampled by the correlation pyramid. "
                f"H and W of feature maps should be at least {least}; got: {fmap1.shape[-2:]}. "
                "Remember that input images to the model are downsampled by 8, so that means their "
                f"dimensions should be at least 8 * {least} = {8 * least}."
            )
        volume = self._compute_corr_volume(fmap1, fmap2)
        b, h, w, channels, _, _ = volume.shape
        pyramid = [volume.reshape(b * h * w, channels, h, w)]
        for _ in range(self.num_levels - 1):
            pyramid.append(F.avg_pool2d(pyramid[-1], kernel_size=2, stride=2))
        self.corr_pyramid = pyramid

    def index_pyramid(self, centroids_coords: Tensor) -> Tensor:
        """What was found around places of the second frame: (batch, 2, h, w) to (batch, `out_channels`, h, w)."""
        side = 2 * self.radius + 1
        steps = torch.linspace(-self.radius, self.radius, side, device=centroids_coords.device)
        around = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1).view(1, side, side, 2)
        b, _, h, w = centroids_coords.shape
        centres = centroids_coords.permute(0, 2, 3, 1).reshape(b * h * w, 1, 1, 2)
        found = []
        for volume in self.corr_pyramid:
            values = grid_sample(volume, centres + around, align_corners=True, mode="bilinear")
            found.append(values.view(b, h, w, -1))
            centres = centres / 2
        features = torch.cat(found, dim=-1).permute(0, 3, 1, 2).contiguous()
        expected = (b, self.out_channels, h, w)
        if features.shape != expected:
            raise ValueError(
                f"Output shape of index pyramid is incorrect. Should be {expected}, got {features.shape}"
            )
        return features

    def _compute_corr_volume(self, fmap1: Tensor, fmap2: Tensor) -> Tensor:
        b, channels, h, w = fmap1.shape
        first, second = (fmap.reshape(b, channels, h * w) for fmap in (fmap1, fmap2))
        products = torch.matmul(first.transpose(1, 2), second)
        return products.view(b, h, w, 1, h, w) / math.sqrt(channels)


class RAFT(nn.Module):
    """Flow from one frame to another: a list of it after each update.

    Args:
        feature_encoder: of both frames, to an eighth of their size.
        context_encoder: of the first frame; its first channels start the hidden state, the others go into updates.
        corr_block: has `build_pyramid`, `index_pyramid` and `out_channels` as `CorrBlock`.
        update_block: of (hidden state, context, what was looked up, flow), with `hidden_state_size`.
        mask_predictor: of the hidden state, how the flow is enlarged; None for bilinear interpolation.
    """

    def __init__(
        self,
        *,
        feature_encoder: nn.Module,
        context_encoder: nn.Module,
        corr_block: nn.Module,
        update_block: nn.Module,
        mask_predictor: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.feature_encoder = feature_encoder
        self.context_encoder = context_encoder
        self.corr_block = corr_block
        self.update_block = update_block
        self.mask_predictor = mask_predictor
        if not hasattr(self.update_block, "hidden_state_size"):
            raise ValueError("The update_block parameter should expose a 'hidden_state_size' attribute.")

    def forward(self, image1: Tensor, image2: Tensor, num_flow_updates: int = 12) -> list[Tensor]:
        b, _, h, w = image1.shape
        if (h, w) != image2.shape[-2:]:
            raise ValueError(
                f"input images should have the same shape, instead got ({h}, {w}) != {image2.shape[-2:]}"
            )
        if not (h % 8 == 0 and w % 8 == 0):
            raise ValueError(f"input image H and W should be divisible by 8, instead got {h} (h) and {w} (w)")
        fmaps = self.feature_encoder(torch.cat([image1, image2], dim=0))
        fmap1, fmap2 = torch.chunk(fmaps, chunks=2, dim=0)
        if fmap1.shape[-2:] != (h // 8, w // 8):
            raise ValueError("The feature encoder should downsample H and W by 8")
        self.corr_block.build_pyramid(fmap1, fmap2)
        hidden_state, context = self._context(image1)
        start = make_coords_grid(b, h // 8, w // 8, device=fmap1.device)
        coords = start
        flows = []
        for _ in range(num_flow_updates):
            coords = coords.detach()  # an update learns from its own change only
            corr_features = self.corr_block.index_pyramid(centroids_coords=coords)
            hidden_state, change = self.update_block(hidden_state, context, corr_features, coords - start)
            coords = coords + change
            up_mask = None if self.mask_predictor is None else self.mask_predictor(hidden_state)
            flows.append(upsample_flow(flow=coords - start, up_mask=up_mask))
        return flows

    def _context(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The hidden state to start from, and what all updates see."""
        context = self.context_encoder(image)
        if context.shape[-2:] != (image.shape[-2] // 8, image.shape[-1] // 8):
            raise ValueError("The context encoder should downsample H and W by 8")
        hidden = self.update_block.hidden_state_size
        rest = context.shape[1] - hidden
        if rest <= 0:
            raise ValueError(
                f"The context encoder outputs {context.shape[1]} channels, but it should have at strictly more than "
                f"hidden_state={hidden} channels"
            )
        hidden_state, context = torch.split(context, [hidden, rest], dim=1)
        return torch.tanh(hidden_state), F.relu(context)


def _part(kwargs: dict[str, Any], name: str, make: Callable[[], Any]) -> Any:
    """What the caller gave, or else the usual one."""
    given = kwargs.pop(name, None)
    return make() if given is None else given


def _raft(
    *,
    weights: WeightsEnum | None = None,
    progress: bool = False,
    of_frames: Callable[[], FeatureEncoder],
    of_context: Callable[[], FeatureEncoder],
    corr_radius: int,
    motion_encoder: Callable[..., MotionEncoder],
    recurrent_block: Callable[..., RecurrentBlock],
    context_channels: int,
    hidden_size: int,
    flow_head_hidden_size: int,
    use_mask_predictor: bool,
    **kwargs: Any,
) -> RAFT:
    corr_block = _part(kwargs, "corr_block", lambda: CorrBlock(num_levels=4, radius=corr_radius))

    def update_block() -> UpdateBlock:
        motion = motion_encoder(in_channels_corr=corr_block.out_channels)
        inputs = motion.out_channels + context_channels - hidden_size
        return UpdateBlock(
            motion_encoder=motion,
            recurrent_block=recurrent_block(input_size=inputs, hidden_size=hidden_size),
            flow_head=FlowHead(in_channels=hidden_size, hidden_size=flow_head_hidden_size),
        )

    def mask_predictor() -> MaskPredictor | None:
        return MaskPredictor(in_channels=hidden_size, hidden_size=256) if use_mask_predictor else None

    model = RAFT(
        feature_encoder=_part(kwargs, "feature_encoder", of_frames),
        context_encoder=_part(kwargs, "context_encoder", of_context),
        corr_block=corr_block,
        update_block=_part(kwargs, "update_block", update_block),
        mask_predictor=_part(kwargs, "mask_predictor", mask_predictor),
        **kwargs,
    )
    return load_weights(model, weights, progress)


class Raft_Large_Weights(WeightsEnum, data="optical_flow.raft"):
    """Weights of `raft_large`.

    Of their metrics `epe` is the mean distance of the flow from the true one in pixels, `per_image_epe` the mean of
    those of single pictures, and `fl_all` the share of pixels that are off by 3 pixels and 5 %.
    """


class Raft_Small_Weights(WeightsEnum, data="optical_flow.raft"):
    """Weights of `raft_small`; for the metrics see `Raft_Large_Weights`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", Raft_Large_Weights.C_T_SKHT_V2))
def raft_large(*, weights: Raft_Large_Weights | None = None, progress: bool = True, **kwargs: Any) -> RAFT:
    """RAFT, whose enlargement of the flow is learned.

    Args:
        weights: trained ones: a member of `Raft_Large_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: parts of `RAFT` instead of the usual ones.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import models
    >>> flows = models.optical_flow.raft_large()(*torch.zeros(2, 1, 3, 128, 128), num_flow_updates=2)
    >>> [flow.shape for flow in flows]
    [torch.Size([1, 2, 128, 128]), torch.Size([1, 2, 128, 128])]
    """
    layers = (64, 64, 96, 128, 256)
    return _raft(
        weights=Raft_Large_Weights.verify(weights),
        progress=progress,
        of_frames=partial(FeatureEncoder, layers=layers, norm_layer=InstanceNorm2d),
        of_context=partial(FeatureEncoder, layers=layers, norm_layer=BatchNorm2d),
        corr_radius=4,
        motion_encoder=MotionEncoder,
        recurrent_block=RecurrentBlock,
        context_channels=256,
        hidden_size=128,
        flow_head_hidden_size=256,
        use_mask_predictor=True,
        **kwargs,
    )


@register_model()
@handle_legacy_interface(weights=("pretrained", Raft_Small_Weights.C_T_V2))
def raft_small(*, weights: Raft_Small_Weights | None = None, progress: bool = True, **kwargs: Any) -> RAFT:
    """RAFT of a fifth of the size; kwargs are parts of `RAFT` instead of the usual ones."""
    encoder = partial(FeatureEncoder, block=BottleneckBlock)
    return _raft(
        weights=Raft_Small_Weights.verify(weights),
        progress=progress,
        of_frames=partial(encoder, layers=(32, 32, 64, 96, 128), norm_layer=InstanceNorm2d),
        of_context=partial(encoder, layers=(32, 32, 64, 96, 160), norm_layer=None),
        corr_radius=3,
        motion_encoder=partial(MotionEncoder, corr_layers=(96,), flow_layers=(64, 32), out_channels=82),
        recurrent_block=partial(RecurrentBlock, kernel_size=(3,), padding=(1,)),
        context_channels=160,
        hidden_size=96,
        flow_head_hidden_size=128,
        use_mask_predictor=False,
        **kwargs,
    )
