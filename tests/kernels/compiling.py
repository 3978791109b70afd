"""Scripts in a process of their own, in which kernels are compiled and not interpreted."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap


def compiled(script: str) -> str:
    """Output of a script whose kernels are compiled."""
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"} | {"TRITON_DEFAULT_FP_FUSION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
