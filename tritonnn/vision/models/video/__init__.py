"""Networks for videos."""

from __future__ import annotations

from tritonnn.vision.models._lazy import lazy_names

_NAMES = {
    "mvit": ("MViT", "MViT_V1_B_Weights", "mvit_v1_b", "MViT_V2_S_Weights", "mvit_v2_s"),
    "resnet": (
        "VideoResNet", "R3D_18_Weights", "MC3_18_Weights", "R2Plus1D_18_Weights", "r3d_18", "mc3_18", "r2plus1d_18",
    ),
    "s3d": ("S3D", "S3D_Weights", "s3d"),
    "swin_transformer": (
        "SwinTransformer3d", "Swin3D_T_Weights", "Swin3D_S_Weights", "Swin3D_B_Weights", "swin3d_t", "swin3d_s",
        "swin3d_b",
    ),
}  # fmt: skip

__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES)

# The module would stand in the place of the function of its name, were it imported later.
from tritonnn.vision.models.video.s3d import s3d
