"""Divergences between pairs of families, a file a kind."""
