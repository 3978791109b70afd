"""Names that programs import and go without: what they name refuses, and says why."""

from __future__ import annotations

import importlib

import pytest

import tritonnn as torch
from tritonnn.utils import cpp_extension
from tritonnn.utils.data.datapipes.iter import Shuffler
from tritonnn.utils.data.datapipes.iter.combinatorics import ShufflerIterDataPipe


@pytest.mark.parametrize(
    "name",
    [
        "load",
        "load_inline",
        "CppExtension",
        "CUDAExtension",
        "BuildExtension",
        "include_paths",
        "library_paths",
    ],
)
def test_extensions_are_not_built(name):
    call = getattr(cpp_extension, name)
    given = () if name.endswith("paths") or name == "BuildExtension" else ("name", ["file.cpp"])
    with pytest.raises(RuntimeError, match=rf"cpp_extension\.{name}: .* no C\+\+ library"):
        call(*given)


def test_ninja_and_the_compiler_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not cpp_extension.is_ninja_available()
    with pytest.raises(RuntimeError, match="Ninja is required"):
        cpp_extension.verify_ninja_availability()
    for name in ("ninja", "nvcc"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    cpp_extension.verify_ninja_availability()
    monkeypatch.delenv("CUDA_HOME", raising=False)
    monkeypatch.delenv("CUDA_PATH", raising=False)
    assert str(tmp_path.parent) == importlib.reload(cpp_extension).CUDA_HOME
    monkeypatch.setenv("CUDA_HOME", "/somewhere")
    assert importlib.reload(cpp_extension).CUDA_HOME == "/somewhere"


def test_there_are_no_data_pipes():
    assert Shuffler is ShufflerIterDataPipe and issubclass(Shuffler, torch.utils.data.IterableDataset)
    assert not isinstance(torch.utils.data.TensorDataset(torch.ones(1)), Shuffler)
    with pytest.raises(NotImplementedError, match="no data pipes"):
        Shuffler([1, 2])
