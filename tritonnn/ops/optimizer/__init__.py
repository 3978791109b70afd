"""Optimizer steps and lists of tensors."""
