"""Operators on boxes and regions of pictures."""
