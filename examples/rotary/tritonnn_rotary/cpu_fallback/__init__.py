"""The NumPy functions, by the names of the entries."""
