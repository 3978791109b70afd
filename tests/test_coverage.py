"""`python -m tritonnn.ops --coverage`: its rows are the table's, and what they say of gradients is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import call, leaves_of, samples, tensors

import tritonnn as torch
from tritonnn import dtypes
from tritonnn.batching.calls import LOOPED
from tritonnn.ops import _coverage
from tritonnn.ops.__main__ import backend, lines, main
from tritonnn.table import OPS

PUBLISHED = [op for op in OPS.values() if op.api]
TITLES = list(_coverage.COLUMNS)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|\n").split("|")]


@pytest.fixture(scope="module")
def printed() -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tritonnn.ops", "--coverage"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [cells(line) for line in done.stdout.splitlines() if line.startswith("|")]


def test_rows_are_those_of_the_table(printed):
    assert printed[0] == TITLES
    assert set("".join(printed[1])) == {"-"}
    assert sorted(row[:2] for row in printed[2:]) == sorted([op.public_name, op.api] for op in PUBLISHED)


def test_counts_are_those_of_the_rows(capsys, printed):
    assert main(["--coverage"]) == 0
    numbers = [int(n) for n in re.findall(r"\d+", capsys.readouterr().out.splitlines()[-1])]
    columns = {title: [row[i] for row in printed[2:]] for i, title in enumerate(TITLES)}
    assert numbers == [
        len(PUBLISHED), columns["gradient"].count("yes"), columns["second gradient"].count("yes"),
        columns["cuda"].count("host"),
    ]  # fmt: skip


def test_backends_are_where_the_table_says():
    for op in PUBLISHED:
        for title, folder in (("cpu", "cpu_fallback"), ("cuda", "kernels")):
            said = _coverage.COLUMNS[title](op)
            if op.kind in ("primitive", "writing") and not op.recorded and not op.host:
                found = bool(list(lines(backend(folder) / op.family, op.name)))
                assert said == ("yes" if found else "no"), (op.name, folder)
                assert found, f"{op.name} has no function in {folder}"
            elif op.host:
                assert _coverage.COLUMNS["cuda"](op) == ("in part" if callable(op.host) else "host")


def test_types_are_those_of_the_entry():
    for op in PUBLISHED:
        words = _coverage.types(op).split()
        named = [
            d for w in words if w != "float8" for d in _coverage._GROUPS.get(w, (getattr(torch, w, None),))
        ]
        assert set(named) == set(op.dtypes) - set(dtypes.FLOAT8), op.name
        assert ("float8" in words) == (op.float8 or bool({*dtypes.FLOAT8} & {*op.dtypes})), op.name


def real(t: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(t.resolve_conj()) if t.is_complex() else t


def gradients(op, sample) -> bool:
    """Whether there is a gradient; raises where it, or that of the gradient, is refused."""
    leaves = leaves_of(op, sample, complex=True)
    results = [t for t in tensors(call(op, leaves)) if t.requires_grad]
    inputs = [t for t in tensors(leaves) if t.requires_grad]
    if not results or not inputs:
        return False
    total = sum([(real(r) ** 2).sum() for r in results])
    grads = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    used = [g for g in grads if g is not None and g.requires_grad]
    if used:
        torch.autograd.grad(sum([(real(g) ** 2).sum() for g in used]), inputs, allow_unused=True)
    return True


NO_LEAVES = {"as_tensor", "asarray"}  # their samples have no tensor that a gradient could go to
MEASURED = [op for op in PUBLISHED if torch.float64 in op.dtypes and op.samples]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", MEASURED, ids=lambda op: op.name)
def test_gradients_are_as_said(op):
    first, again, ran, refused = _coverage.gradient(op), _coverage.second(op), False, False
    for dtype in (torch.float64, *[d for d in (torch.complex128,) if d in op.dtypes]):
        for sample in samples(op, "cpu", dtype)[:6]:
            try:
                ran |= gradients(op, sample)
            except RuntimeError as error:
                assert "is not implemented" in str(error) or "not differentiable" in str(error), error
                refused = True
    if first == "yes" and op.name not in NO_LEAVES:
        assert ran or refused, "a gradient is said to be there, and no sample has one"
        assert refused == (again == "no")
    elif first != "yes":
        assert not ran, "no gradient is said to be there, and a sample has one"


def test_every_option_of_an_entry_is_read() -> None:
    """An option that nothing looks at is a mistake in an entry."""
    root = Path(torch.__file__).parent
    text = "".join(file.read_text() for file in root.rglob("*.py"))
    given = {option for op in OPS.values() for option in op.options}
    assert {
        option for option in given if not re.search(rf'(options(\.get)?[\[(]|_option\()\s*"{option}"', text)
    } == set()


def test_rules_for_batches_are_told_apart():
    said = {op.name: _coverage.COLUMNS["vmap rule"](op) for op in PUBLISHED}
    wanted = {
        "add": "rule", "linear": "rule", "linspace": "rule", "new_zeros": "rule", "softmax": "rule",
        "linalg_cholesky": "composed", "nonzero": "refused", "unique": "refused", "histc": "loop", "pstrf": "loop",
    }  # fmt: skip
    assert {name: said.get(name) for name in wanted if name in said} == {
        n: w for n, w in wanted.items() if n in said
    }
    assert {"add", "linspace", "nonzero", "histc"} <= {*said}
    assert {op.public_name for op in OPS.values()} >= LOOPED
