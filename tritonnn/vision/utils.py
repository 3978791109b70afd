"""Pictures made of tensors: grids, boxes, masks, key points, flow."""

from __future__ import annotations
