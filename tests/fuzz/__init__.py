"""Instruments that look for faults with random input: `make fuzz MINUTES=5`, or briefly as tests."""
