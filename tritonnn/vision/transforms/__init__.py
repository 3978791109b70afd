"""Changes of pictures: see the classes and `functional`."""

from __future__ import annotations
