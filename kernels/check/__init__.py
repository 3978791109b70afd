"""The proof of the kernels without a GPU: what is compiled, what it must show, and what it showed before."""
