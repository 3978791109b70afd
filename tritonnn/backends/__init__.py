"""Switches of the libraries that PyTorch runs on. tritonnn has kernels of its own; each switch says what it
does here."""

from __future__ import annotations

from tritonnn.backends import cuda, cudnn, mkl, mkldnn, mps, openmp, opt_einsum, quantized

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]
