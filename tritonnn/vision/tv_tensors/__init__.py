"""Tensors that say what they are: pictures, masks, boxes, videos."""

from __future__ import annotations
