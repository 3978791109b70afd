"""The Triton kernels, by the names of the entries."""
