"""Order and searches."""
