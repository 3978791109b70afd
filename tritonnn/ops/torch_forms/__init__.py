"""Functions of `torch` that differ from those of `torch.nn.functional`, or of `torch.linalg`, by their arguments."""
