"""Scalar and block helpers that kernels call, and the generic kernels behind whole families."""
