"""`python -m tritonnn`: the command `tritonnn`."""

from __future__ import annotations

import sys

from tritonnn._command import main

if __name__ == "__main__":
    sys.exit(main())
