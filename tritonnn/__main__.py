"""`python -m tritonnn run SCRIPT [ARGS]`: run an unmodified PyTorch script on tritonnn."""

from __future__ import annotations

import sys

from tritonnn._run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
