"""Networks that find things in images."""

from __future__ import annotations

from tritonnn.vision.models.detection.faster_rcnn import *
from tritonnn.vision.models.detection.fcos import *
from tritonnn.vision.models.detection.keypoint_rcnn import *
from tritonnn.vision.models.detection.mask_rcnn import *
from tritonnn.vision.models.detection.retinanet import *
from tritonnn.vision.models.detection.ssd import *
from tritonnn.vision.models.detection.ssdlite import *
