"""`python -m tritonnn.kernels.check`, also `make kernels`."""

from __future__ import annotations

import sys

from tritonnn.kernels.check.compile import main

if __name__ == "__main__":  # worker processes import this module too
    sys.exit(main())
