"""Networks for videos."""

from __future__ import annotations

from tritonnn.vision.models.video.mvit import *
from tritonnn.vision.models.video.resnet import *
from tritonnn.vision.models.video.s3d import *
from tritonnn.vision.models.video.swin_transformer import *
