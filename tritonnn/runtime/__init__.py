"""The device runtime: memory, streams and launches on a GPU, or on the simulated device."""
