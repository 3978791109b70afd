"""`python -m tritonnn.ops where NAME`, and the rule that it rests on: a family has one name in all three folders."""

from __future__ import annotations

import functools
import re

import pytest

import tritonnn
from tritonnn._families import find
from tritonnn.ops.__main__ import PLACES, backend, definition, entries, lines, main, page, public, root
from tritonnn.table import OPS

IMPLEMENTED = [op for op in OPS.values() if op.kind in ("primitive", "writing")]
COPIED = {"to_copy", "copy_values"}  # recorded under these names, carried out by dispatch
COPIED |= {name for name, op in OPS.items() if op.recorded}


def test_every_implementation_stands_once_in_its_family():
    for folder in ("kernels", "cpu_fallback"):
        wrong = {
            op.name: places
            for op in IMPLEMENTED
            if op.name not in COPIED and not (op.host and not callable(op.host) and folder == "kernels")
            if len(places := list(lines(backend(folder) / op.family, op.name))) != 1
        }
        assert not wrong


def test_what_is_found_in_a_family(tmp_path, monkeypatch):
    assert callable(find("tritonnn.kernels", "linalg", "addmm"))
    assert find("tritonnn.kernels", "linalg", "gemm_kernel") is None  # in a private file
    assert find("tritonnn.kernels", "linalg", "_affine") is None
    assert find("tritonnn.kernels", "no_such_family", "addmm") is None
    (tmp_path / "backend_of_a_test").mkdir()
    (tmp_path / "backend_of_a_test" / "broken.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        find("backend_of_a_test", "broken", "f")


def test_every_entry_stands_where_its_family_says():
    for op in OPS.values():
        assert op.module.startswith(f"tritonnn.ops.{op.family}"), op


def test_page_names_places_that_are_there():
    text = page(OPS["linear"])
    assert re.search(r"entry +tritonnn/ops/linalg/linalg\.py:\d+", text)
    for path, line in re.findall(r"([\w/]+\.py):(\d+)", text):
        assert re.search(r"\blinear\b", (root() / path).read_text().split("\n")[int(line) - 1])
    assert len(re.findall(r"\.py:\d+", text)) == 3


@pytest.mark.parametrize("name", ["softmax", "F.gelu", "torch.add", "sum", "Tensor.view"])
def test_public_names_lead_to_entries(name, capsys):
    assert main(["where", name]) == 0
    assert "entry" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("__add__", "ops/operators.py"), ("item", "_tensor.py"), ("T", "ops/shape/shape.py"),
        ("backward", "_tensor_methods.py"), ("manual_seed", "random.py"), ("nn.Linear", "nn/modules/linear.py"),
        ("torch.optim.Adam", "optim/adam.py"), ("Tensor.shape", "_tensor.py"), ("float32", "dtypes.py"),
        ("no_grad", "recording/reverse_mode.py"), ("torch.utils.data.DataLoader", "utils/data/dataloader.py"),
    ],
)  # fmt: skip
def test_what_is_no_entry_has_a_place(name, file, capsys):
    assert main(["where", name]) == 0
    told = capsys.readouterr().out
    found = re.search(r"defined +tritonnn/(\S+):(\d+)", told)
    assert found and found[1] == file and "tests" in told
    assert int(found[2]) <= len((root() / "tritonnn" / file).read_text().split("\n"))


def public_names():
    for place in PLACES:
        owner = functools.reduce(getattr, place.split(".") if place else [], tritonnn)
        for name in dir(owner):
            if not name.startswith("_") or place == "Tensor":
                yield f"{place}.{name}".removeprefix(".")


def test_everything_public_has_a_place():
    """Of every public name a file and a line are known, and they are there."""
    wrong = []
    for name in public_names():
        if not entries(name):
            told = [definition(*one) for one in public(name)]
            path, _, line = (told or [":"])[0].rpartition(":")
            if not (told and (root() / path).is_file() and int(line) >= 1):
                wrong.append(name)
    assert not wrong


def test_unknown_names_and_usage(capsys):
    assert main(["where", "no_such_op"]) == 1
    assert "nothing public is called no_such_op" in capsys.readouterr().err
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    assert tritonnn.__path__
