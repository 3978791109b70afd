"""What several families share: blocks that stay in the cache, windows, elementwise loops, special functions."""
