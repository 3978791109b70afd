"""Changes of pictures, masks, boxes and videos together."""

from __future__ import annotations
