"""Networks for optical flow."""

from __future__ import annotations

from tritonnn.vision.models.optical_flow.raft import *
