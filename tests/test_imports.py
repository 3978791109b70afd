"""What `import tritonnn` leaves for later, and that it is there when it is asked for: each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tritonnn


def run(code: str) -> None:
    """Run a program that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def test_families_read_late_publish_functions_alone():
    """A method of theirs would not be there until something else is asked for."""
    run("""
import tritonnn as torch
from tritonnn.table import NAMESPACES, OPS

ops, methods, of_torch = len(OPS), dict(vars(torch.Tensor)), dict(NAMESPACES["torch"])
apart = ("torch", "functional", "torchvision")
others = {place: dict(names) for place, names in NAMESPACES.items() if place not in apart}
from tritonnn.ops import whole
whole()
assert dict(vars(torch.Tensor)) == methods
assert {place: dict(NAMESPACES[place]) for place in others} == others
assert len(OPS) > ops + 50 and NAMESPACES["torch"].keys() > of_torch.keys()
""")


def test_nothing_that_only_tests_ask_for_is_imported():
    run("""
import sys
import tritonnn as torch

late = [f"tritonnn.ops.{name}" for name in ("convolution", "pooling", "recurrent", "optimizer")]
names = [name for name in sys.modules if name.startswith(("tritonnn.ops._definitions.", *late))]
assert not names, names
assert not {"tritonnn.nn", "tritonnn.amp", "numpy.polynomial"} & sys.modules.keys()
""")


@pytest.mark.parametrize(
    "ask",
    [
        "assert torch.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).shape == (1, 1, 2, 2)",
        "from tritonnn import lstm_cell, layer_norm; assert lstm_cell is torch.lstm_cell",
        "from tritonnn import *; assert conv2d is torch.conv2d",
        "assert {'conv2d', 'mul', 'nn', '__all__'} <= set(dir(torch))",
        "assert hasattr(torch, 'conv2d') and not hasattr(torch, 'conv7d')",
        "assert torch.ops.aten.conv2d.default(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).item() == 9",
        "assert torch.conv2d in torch.overrides.get_testing_overrides()",
        "torch.conv2d = 3; torch.conv3d; assert torch.conv2d == 3",
        "import pickle; assert pickle.loads(pickle.dumps(torch.conv2d)) is torch.conv2d",
        "assert torch.nn.functional.conv2d is torch.conv2d",
    ],
)
def test_what_is_read_late_is_there_when_asked_for(ask):
    run(f"import tritonnn as torch\n{ask}")


def test_policies_of_autocast_stand_around_what_is_read_late():
    """Autocast puts itself around the ops that there are when it is first entered."""
    run("""
import tritonnn as torch

x = torch.ones(1, 1, 3, 3)
with torch.autocast("cpu", torch.bfloat16):
    assert torch.conv2d(x, x).dtype is torch.bfloat16
    assert torch.nn.functional.mse_loss(x.bfloat16(), x.bfloat16()).dtype is torch.float32
""")


@pytest.mark.parametrize(
    ("before", "collecting"), [("", True), ("gc.freeze()", True), ("gc.disable()", False)]
)
def test_the_cycle_collector_is_as_it_was(before, collecting):
    """What was frozen stays frozen, nothing else is."""
    run(f"""
import gc
{before}
frozen = gc.get_freeze_count() > 0
import tritonnn
assert gc.isenabled() is {collecting} and (gc.get_freeze_count() > 0) is frozen
""")


@pytest.mark.parametrize("library", ["tritonnn", "torch"])
def test_a_walk_through_the_packages_ends(library, tmp_path):
    """Under either name, in a source tree too: its other files, setup.py among them, are no modules of the library."""
    program = tmp_path / "walk.py"
    program.write_text(
        f"""
import importlib, pkgutil, sys, {library}
failed = []
names = [m.name for m in pkgutil.walk_packages({library}.__path__, "{library}.", onerror=failed.append)]
failed = [name for name in failed if "tensorboard" not in name]  # what it needs may be missing
print(len(names) == len(set(names)), failed, any(".{library}." in name + "." for name in names if "_shim" not in name))
print({library}.nn.__name__ + ".linear" in names or "{library}.nn.modules.linear" in names)
for name in ("{library}.setup", "{library}.tests", "{library}.tritonnn"):
    print(importlib.util.find_spec(name))
for name in names:
    if not name.endswith("__main__") and "_shim" not in name and "tensorboard" not in name:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(name, error)
"""
    )
    command = [sys.executable, *(["-m", "tritonnn", "run"] if library == "torch" else []), str(program)]
    environ = {**os.environ, "PYTHONPATH": str(Path(tritonnn.__path__[0]).parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    lines = done.stdout.split("\n")[:-1]
    assert done.returncode == 0 and lines == ["True [] False", "True", *["None"] * 3], (lines, done.stderr)
