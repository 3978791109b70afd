"""Builds the sdist, and the wheel from it; looks into both, and tries the wheel in a fresh environment.

`python tests/wheel/build.py FOLDER` leaves the two files in FOLDER. The environment has what a plain `pip install`
of the wheel brings, and pytest: no Triton. There a program trains one step, the command runs, and those tests run
that need no kernels; pytest says how many others of these files are deselected.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contents import ROOT, sdist_problems, wheel_problems

TESTS = (
    "test_tensor", "test_elementwise", "test_indexing", "test_autograd", "test_autograd_function",
    "test_engine_gradients", "test_nn_layers", "test_nn_module", "test_nn_state_dict", "test_data", "test_safetensors",
    "test_serialization", "test_func", "test_profiler", "test_storage", "test_without_triton",
)  # fmt: skip
STEP = """
import importlib.util
import tritonnn as torch
from tritonnn import nn

assert "site-packages" in torch.__file__, torch.__file__
assert importlib.util.find_spec("triton") is None and not torch.cuda.is_available()
model, x, y = nn.Linear(2, 1), torch.randn(64, 2), torch.randn(64, 1)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
losses = []
for _ in range(2):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[1] < losses[0]
"""


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command that has to succeed; the library's own settings and PYTHONPATH are not handed on."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TRITON"))}
    subprocess.run([*map(str, command)], cwd=cwd, env=kept, check=True)


def copy_tree(target: Path) -> None:
    """What git would clone, with changes that are not committed: building leaves files where it runs."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)


def build(folder: Path, work: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel made of it, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("tritonnn-*.tar.gz"), *folder.glob("tritonnn-*.whl")]:
        old.unlink()
    copy_tree(work / "tree")
    backend = f"from setuptools import build_meta as b; b.build_sdist({str(folder)!r})"
    run(
        sys.executable,
        "-W",
        "ignore",
        "-c",
        f"import sys; sys.argv[1:] = ['-q']; {backend}",
        cwd=work / "tree",
    )
    (sdist,) = folder.glob("tritonnn-*.tar.gz")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, sdist, cwd=work)
    (wheel,) = folder.glob("tritonnn-*.whl")
    return sdist, wheel


def attempt(wheel: Path, work: Path) -> None:
    """Install the wheel into an environment of its own, and use it there."""
    environment = work / "environment"
    run(sys.executable, "-m", "venv", environment)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, wheel)
    run(programs / "python", "-c", STEP, cwd=work)
    run(programs / "tritonnn", "--version", cwd=work)
    run(*pip, "pytest>=8", "pytest-timeout>=2.3")
    # Through the script: `python -m pytest` would put the source tree first on the path.
    files = [ROOT / "tests" / f"{name}.py" for name in TESTS]
    options = ("-q", "-p", "no:cacheprovider", "-m", "not exhaustive and not large and not slow")
    run(programs / "pytest", *options, *files, cwd=work)


def main(folder: str) -> int:
    """Build, look and try. Returns the exit status."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        sdist, wheel = build(Path(folder).resolve(), Path(work))
        problems = [f"{sdist.name}: {line}" for line in sdist_problems(sdist)]
        problems += [f"{wheel.name}: {line}" for line in wheel_problems(wheel)]
        if problems:
            print("\n".join(problems), file=sys.stderr)
            return 1
        attempt(wheel, Path(work))
    for file in (sdist, wheel):
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
    print(f"built and tried in {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "dist"))
