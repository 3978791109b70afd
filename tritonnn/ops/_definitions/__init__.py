"""What ops compute, in NumPy and independently of them: the `reference=` of entries too long for a line."""
