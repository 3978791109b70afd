"""torch.utils.tensorboard where neither of its two libraries is installed; with them: tests/packages."""

from __future__ import annotations

import subprocess
import sys


def test_without_either_library_the_extra_is_named():
    code = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name.startswith("tensorboard") else found(name, *more)
import tritonnn as torch
from tritonnn.utils.tensorboard import SummaryWriter
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError" in done.stderr and "pip install 'tritonnn[tensorboard]'" in done.stderr
