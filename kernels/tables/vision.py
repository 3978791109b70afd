"""Tiles of the operators on boxes and regions. Pure arithmetic."""

from __future__ import annotations


def overlap_rows(itemsize: int) -> int:
    """Boxes that one program compares with 32 others: so few that the corners of all pairs fit in registers."""
    return 32 if itemsize == 8 else 128


def scan_warps(words: int) -> int:
    """Warps of the one program that goes through all boxes: each thread holds at most 8 words if possible.

    Few, since every block of 32 boxes ends in a reduction over all warps.
    """
    return max(1, min(16, words // 256))
