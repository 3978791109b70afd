"""Reading elements by index or mask."""
