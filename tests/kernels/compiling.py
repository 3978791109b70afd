"""Scripts in a process of their own, in which kernels are compiled and not interpreted."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

DROPPED = ("TRITON_INTERPRET", "TRITON_DEFAULT_FP_FUSION")


def compiled(script: str, **environment: str) -> str:
    """Output of a script whose kernels are compiled; environment variables by keyword."""
    env = {k: v for k, v in os.environ.items() if k not in DROPPED} | environment
    # Triton warns where it is not told whether to fuse products and sums
    strict = ["-W", "error:TRITON_DEFAULT_FP_FUSION"]
    done = subprocess.run(
        [sys.executable, *strict, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
