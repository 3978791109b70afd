"""NumPy implementations, one file per op family; imported as `tritonnn.cpu_fallback`.

An op named `foo` of family `fam` runs the function `foo` of `cpu_fallback/fam.py`; it is also the
reference that the Triton kernel of the same name is tested against.
"""
