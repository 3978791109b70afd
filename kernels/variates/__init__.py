"""Numbers of distributions whose parameters are tensors, and their derivatives."""
