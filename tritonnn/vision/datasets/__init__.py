"""Datasets of pictures: files, and where they come from."""

from __future__ import annotations
