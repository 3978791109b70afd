"""Reading and writing of pictures and videos as tensors."""

from __future__ import annotations
