"""Sparse tensors: making them, and the ops that take them."""
