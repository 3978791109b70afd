"""Launching kernels: compiled or interpreted, remembered and repeated."""
