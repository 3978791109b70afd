"""Third-party packages, unmodified, with torch served by tritonnn: `make packages`.

With `--with-pytorch` the same tests run on PyTorch instead, and write the numbers that it computes into `expected/`,
one file per test file; without, what is computed is held to those. Weights come from NumPy (`weights.py`), as the two
libraries draw different random numbers from one seed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def pytest_addoption(parser):
    parser.addoption(
        "--with-pytorch", action="store_true", help="run on PyTorch, and write its numbers into expected/"
    )


def pytest_configure(config):
    """`import torch` gives tritonnn from here on."""
    if config.option.with_pytorch:
        sys.path.insert(0, str(HERE.parent / "parity"))

        return
    import tritonnn

    tritonnn.serve()
    import torch

    assert torch is tritonnn


@pytest.fixture(autouse=True)
def _seeded():
    import torch

    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture
def expected(request):
    """expected(key, value) holds numbers, or a list of them, to those that PyTorch computes in this test."""
    path = HERE / "expected" / f"{Path(request.node.fspath).stem}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    writes = request.config.option.with_pytorch
    computed = {}

    def hold(key, value, rtol=2e-4, atol=2e-6):
        value = np.asarray(value.detach() if hasattr(value, "detach") else value)
        if writes:
            computed[key] = json.loads(json.dumps(value.tolist()), parse_float=_short)
            return
        wanted = np.asarray(known[request.node.name][key])
        assert value.shape == wanted.shape
        np.testing.assert_allclose(value, wanted, rtol, atol, err_msg=key)

    yield hold
    if computed:
        known[request.node.name] = computed
        path.parent.mkdir(exist_ok=True)
        lines = [f"{json.dumps(name)}: {json.dumps(values)}" for name, values in sorted(known.items())]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _short(number: str) -> float:
    return float(f"{float(number):.8g}")
