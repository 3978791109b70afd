"""Writing elements by index or mask."""
