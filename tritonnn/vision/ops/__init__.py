"""Operators on boxes and regions, losses and layers of networks for pictures."""

from __future__ import annotations
