"""A plugin of pytest: `pytest -p tritonnn.testing.plugin --tritonnn-ops PACKAGE` runs the tests that its entries make.

Loaded by `-p`, also in a project's `addopts`, and by no entry point: that would import tritonnn in every run of pytest
in the environment, before a project can choose a simulated GPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tritonnn.testing.generated")
_HERE = Path(__file__).parent / "generated"
_package = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names a package."""
    parser.getgroup("tritonnn").addoption(
        "--tritonnn-ops", metavar="PACKAGE", help="run the tests that the entries of this package make"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the package whose entries are tested."""
    config.addinivalue_line("markers", "exhaustive: every type where other runs take some")
    package = config.getoption("--tritonnn-ops")
    if not package:
        return
    if not os.path.exists("/dev/nvidiactl") or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        os.environ.setdefault("TRITON_INTERPRET", "1")  # the simulated GPU
    from tritonnn import config as settings
    from tritonnn.library import load
    from tritonnn.testing import generated

    settings.NAN_POISON = True  # an element that a kernel forgets to write shows as NaN
    try:
        load(package)
    except (ModuleNotFoundError, ValueError) as error:
        raise pytest.UsageError(f"--tritonnn-ops {package}: {error}") from error
    generated.package = package
    config.stash[_package] = package


@pytest.hookimpl(tryfirst=True)  # before tests are deselected
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add the generated tests. As arguments their files would be passed over, where they lie in a folder `.venv`."""
    if _package not in config.stash:
        return
    from tritonnn.testing.generated import FILES

    for name in FILES:
        nodeid = f"{config.stash[_package]}/{name}"
        items.extend(session.genitems(pytest.Module.from_parent(session, path=_HERE / name, nodeid=nodeid)))


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Generated tests start from the same random numbers, with results of float32 in float32."""
    if _package not in request.config.stash or request.path.parent != _HERE:
        yield
        return
    import tritonnn as torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.set_grad_enabled(True)
