"""Networks for pictures and videos, with the names and weights of torchvision."""

from __future__ import annotations
