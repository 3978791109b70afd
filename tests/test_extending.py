"""Packages with entries of their own: docs/extending.md as it is written, the example, names, removal."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from test_contributing import add, parse

import tritonnn as torch
from tritonnn import library
from tritonnn.ops._table import IN_PLACE
from tritonnn.table import OPS
from tritonnn.table._reading import plain_note
from tritonnn.table.autocast import policies

ROOT = Path(__file__).resolve().parent.parent
ROTARY = ROOT / "examples" / "rotary"


PLUGIN = "pytest -p tritonnn.testing.plugin --tritonnn-ops"


def run(command: str, folder: Path, path: Sequence[Path] = (ROOT,)) -> str:
    """The output of a command as a user gives it, in a folder of theirs; `path` is what Python imports from."""
    left_out = ("PYTEST_", "TRITON_INTERPRET", "TRITONNN_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    env |= {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = re.sub(r"\bpython ", f"{sys.executable} ", command)
    command = re.sub(r"^pytest", f"{sys.executable} -m pytest -q -p no:cacheprovider", command)
    done = subprocess.run(command, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_page_is_all_it_takes(tmp_path: Path) -> None:
    blocks, commands = parse((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"))
    for block in blocks:
        (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
        add(tmp_path, block)
    lines = [
        line
        for b in blocks
        if b.file in ("acme/capping.py", "acme/kernels/capping.py")
        for line in b.text.split("\n")
    ]
    assert len([line for line in lines if line.strip()]) <= 40
    told = [run(command, tmp_path) for command in commands]
    for output in told[:2]:
        assert "[-29.9237, -27.9333,   0.0000,  27.9333,  29.9237]" in output
        assert "True (5,)" in output.replace("torch.Size([5])", "(5,)")
        assert "acme.softcap: cap must be positive, got 0.0" in output
    assert re.search(r"\d+ passed", told[2]) and "failed" not in told[2]
    assert re.search(r"kept 8 binaries in .*acme/kernels/regressions.json", told[3])
    assert "8 binaries of 2 cases" in told[4] and ": 0 failures" in told[4]
    assert re.search(r"acme.softcap +\| package tensor +\| halves floats +\| yes +\| yes +\| yes", told[5])
    assert (
        "the entry 'clash.exp' of clash.growth would replace Tensor.exp, which is that of the entry 'exp'"
        in told[6]
    )
    rows = run(f"python {ROOT}/perf/report.py --package acme --device cpu --list", tmp_path, [ROOT, tmp_path])
    assert "capping         acme.softcap 4096 x 4096" in rows


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_example_passes_the_tests_it_makes() -> None:
    told = run("pytest -m 'not exhaustive'", ROTARY)
    assert int(re.search(r"(\d+) passed", told)[1]) > 40 and "failed" not in told


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_examples_kernels_compile_and_are_as_good_as_they_were() -> None:
    told = run("python -m tritonnn.kernels.check --package tritonnn_rotary --quiet", ROTARY)
    assert "68 binaries of 17 cases" in told and ": 0 failures" in told


def test_a_row_of_the_report_is_measured() -> None:
    told = run(
        f"python {ROOT}/perf/report.py --package tritonnn_rotary --device cpu --rehearse --peers ''",
        ROOT,
        [ROOT, ROTARY],
    )
    assert re.search(r"tritonnn_rotary.rotary 8 x 16 x 1024 x 128", told)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_works_installed(tmp_path: Path) -> None:
    """Where the project's folder is not on the path, and the library lies in a folder that pytest passes over."""
    site = tmp_path / ".venv" / "site-packages"
    for name, into in (("tritonnn", ""), ("kernels", "tritonnn"), ("cpu_fallback", "tritonnn")):
        shutil.copytree(ROOT / name, site / into / name)
    shutil.copytree(ROTARY, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    build = "python -m pip wheel --quiet --no-deps --no-build-isolation --no-index -w out ./source"
    run(build, tmp_path)
    (wheel,) = (tmp_path / "out").glob("tritonnn_rotary-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    told = run(f"{PLUGIN} tritonnn_rotary -m 'not exhaustive' -k 'twin or grad'", tmp_path, path=[site])
    assert re.search(r"\d+ passed", told) and "failed" not in told
    told = run(
        "python -m tritonnn.kernels.check --package tritonnn_rotary --quiet --arch sm_90",
        tmp_path,
        path=[site],
    )
    assert "17 binaries of 17 cases" in told and "not compared" not in told


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_broken_kernel_fails_the_generated_tests(tmp_path: Path) -> None:
    shutil.copytree(ROTARY, tmp_path / "rotary", ignore=shutil.ignore_patterns("__pycache__"))
    kernel = tmp_path / "rotary" / "tritonnn_rotary" / "kernels" / "rotary.py"
    kernel.write_text(kernel.read_text().replace("        s = -s\n", "        pass\n"))
    with pytest.raises(AssertionError, match=r"test_kernel_matches_twin.*rotary_backward"):
        run("pytest -m 'not exhaustive' -k 'twin or on_kernel'", tmp_path / "rotary")


def test_the_plugin_names_a_package_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="--tritonnn-ops nowhere: No module named 'nowhere'"):
        run(f"{PLUGIN} nowhere", tmp_path)


# ---- in this process ----------------------------------------------------------------------------------------

ENTRY = """
from tritonnn import Tensor
from tritonnn.library import *
from tritonnn.library import {kind} as kind

@kind({options})
def {name}(input: Tensor, by: int = 2):
    "Times."
    {body}
"""
TWIN = "import numpy as np\ndef {name}(out, x, by):\n    np.multiply(x, by, out=out)\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """package(name, ...) writes a package with an entry, and imports its module."""
    monkeypatch.syspath_prepend(tmp_path)
    made = set()

    def make(package, name="times", kind="pointwise", options="", body="", twin=TWIN):
        root = tmp_path / package
        (root / "cpu_fallback").mkdir(parents=True, exist_ok=True)
        (root / "__init__.py").write_text("")
        (root / "ops.py").write_text(ENTRY.format(kind=kind, name=name, options=options, body=body))
        if twin:
            (root / "cpu_fallback" / "ops.py").write_text(twin.format(name=name))
        importlib.invalidate_caches()
        made.add(package)
        return importlib.import_module(f"{package}.ops")

    yield make
    for name in made:
        library.remove(name)


def test_names_are_those_of_the_package(package):
    module = package("pkg_a", "exp")
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert module.exp(x).tolist() == [2.0, 4.0] and torch.exp(x)[0] > 2.7
    assert OPS["pkg_a.exp"].function is module.exp and OPS["exp"].function is torch.exp
    assert (module.exp.__name__, module.exp.__module__) == ("exp", "pkg_a.ops")
    assert torch.ops.pkg_a.exp(x).tolist() == [2.0, 4.0]
    assert "exp" not in {name for name in vars(torch) if vars(torch)[name] is module.exp}
    with pytest.raises(TypeError, match=r"pkg_a\.exp\(\): argument 'by' \(position 2\) must be int, not str"):
        module.exp(x, "a")


def test_what_is_missing_is_named(package):
    module = package("pkg_b", twin="")
    with pytest.raises(
        NotImplementedError, match=r"times has no CPU implementation: add times to pkg_b/cpu_fallback/ops\.py"
    ):
        module.times(torch.ones(2))
    with pytest.raises(
        NotImplementedError, match=r"times has no GPU kernel: add times to pkg_b/kernels/ops\.py"
    ):
        module.times(torch.ones(2, device="cuda"))


@pytest.mark.parametrize(
    ("name", "options"), [("exp", "method=True"), ("tims", "method=True, alias=('mul',)")]
)
def test_methods_of_the_library_stay(package, name, options):
    before = torch.Tensor.exp, torch.Tensor.mul
    wanted = rf"'pkg_c\.{name}' of pkg_c\.ops would replace Tensor\.(exp|mul), which is that of the entry '(exp|mul)'"
    with pytest.raises(ValueError, match=wanted):
        package("pkg_c", name, options=options)
    assert (torch.Tensor.exp, torch.Tensor.mul) == before and "pkg_c.exp" not in OPS
    assert not hasattr(torch.Tensor, "tims")


def test_methods_of_other_packages_stay(package):
    first = package("pkg_d", options="method=True, inplace=True")
    x = torch.ones(2)
    assert x.times(3).tolist() == [3.0, 3.0] and x.times_(2).tolist() == [2.0, 2.0]
    with pytest.raises(
        ValueError,
        match=r"'pkg_e\.times'.*Tensor\.times, which is that of the entry 'pkg_d\.times' of pkg_d\.ops",
    ):
        package("pkg_e", options="method=True")
    assert torch.Tensor.times.op is first.times.op
    library.remove("pkg_d")
    assert not hasattr(torch.Tensor, "times") and not hasattr(torch.Tensor, "times_")
    assert not [name for name in (*OPS, *IN_PLACE) if name.startswith("pkg_d")]
    assert package("pkg_e", options="method=True") and x.times().tolist() == [4.0, 4.0]


def test_a_module_that_is_read_again_replaces_its_entries(package):
    module = package("pkg_f", options="method=True, autocast='float32'")
    old = module.times
    twin = importlib.import_module("pkg_f.cpu_fallback.ops")
    assert torch.ones(1).times(2).item() == 2
    Path(twin.__file__).write_text(
        TWIN.format(name="times").replace("multiply(x, by,", "multiply(x, by + 1,")
    )
    importlib.invalidate_caches()
    os.utime(twin.__file__, (0, 0))
    importlib.reload(twin)
    module = importlib.reload(module)
    assert module.times is not old and OPS["pkg_f.times"].function is module.times
    assert torch.ones(1).times(2).item() == 3
    library.remove("pkg_f")
    assert policies("pkg_f.times") == {} and "pkg_f.ops" not in sys.modules


def test_another_module_of_the_package_cannot_take_the_name(package, tmp_path):
    package("pkg_g")
    (tmp_path / "pkg_g" / "more.py").write_text((tmp_path / "pkg_g" / "ops.py").read_text())
    with pytest.raises(ValueError, match=r"two entries 'pkg_g\.times': pkg_g\.ops, pkg_g\.more"):
        importlib.import_module("pkg_g.more")


@pytest.mark.parametrize("inside", [False, True])
def test_autocast_follows_the_policy_of_an_entry(package, inside):
    """Also of one that is declared while autocast is on."""
    twin = TWIN
    if inside:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            module = package("pkg_h", options="autocast='lower precision'", twin=twin)
            assert module.times(torch.ones(2)).dtype is torch.bfloat16
    else:
        module = package("pkg_h", options="autocast={'cpu': 'lower precision'}", twin=twin)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert module.times(torch.ones(2)).dtype is torch.bfloat16
    assert module.times(torch.ones(2)).dtype is torch.float32


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ("api='torch'", TypeError, "pointwise: no option api; there are alias,"),
        ("gard={}", TypeError, "pointwise: no option gard"),
        (
            "autocast='half'",
            ValueError,
            "autocast must be one of lower precision, .*, as it is, got 'half'",
        ),
    ],
)
def test_bad_options_are_refused(package, options, error, text):
    with pytest.raises(error, match=text):
        package("pkg_i", options=options)


def test_a_module_outside_of_packages_is_refused():
    body = lambda input: input
    body.__module__ = "script"
    with pytest.raises(ValueError, match=r"an entry stands in a module of a package.*custom_op"):
        library.composite()(body)
    with pytest.raises(ValueError, match="the library's own entries stay"):
        library.remove("tritonnn")
    with pytest.raises(ValueError, match="the package 'json' declares no entries"):
        library.load("json")


def test_annotations_may_be_classes(package):
    """Without the import of annotations, and with the module's name before them."""
    module = package("pkg_j", kind="composite", body="return input * by")
    assert OPS["pkg_j.times"].annotations == {"input": "Tensor", "by": "int"}
    with pytest.raises(TypeError, match=r"argument 'input'.*must be Tensor, not str"):
        module.times("a")
    with pytest.raises(TypeError, match=r"argument 'by'.*must be int, not str"):
        module.times(torch.ones(2), "a")
    notes = {"a": "torch.Tensor | None", "b": "tuple[int, ...]", "c": torch.Tensor | None, "d": bool}
    plain = {"a": "Tensor | None", "b": "tuple[int, ...]", "c": "Tensor | None", "d": "bool"}
    assert {name: plain_note(note) for name, note in notes.items()} == plain


def test_vmap_uses_the_rule_or_loops(package):
    x = torch.arange(6.0).reshape(3, 2)
    rule = {"kind": "primitive", "body": "return Out(input.shape, input.dtype)"}
    module = package("pkg_k", **rule)
    with pytest.warns(UserWarning, match="performance drop"):
        looped = torch.vmap(module.times)(x)
    ruled = package(
        "pkg_l",
        kind="primitive",
        body="return Out(input.shape, input.dtype)",
        options="vmap=lambda call: call.args[0] * call.args[1]",
    )
    np.testing.assert_array_equal(torch.vmap(ruled.times)(x).numpy(), looped.numpy())


def test_verify_mode_finds_a_kernel_that_differs(package, tmp_path):
    module = package("pkg_m")
    (tmp_path / "pkg_m" / "kernels").mkdir()
    (tmp_path / "pkg_m" / "kernels" / "ops.py").write_text(
        "import triton\nfrom triton import language as tl\n\n\n"
        "@triton.jit\ndef times(x, by):\n    return x * by + (x > 1)\n"
    )
    importlib.invalidate_caches()
    with torch.verify():
        module.times(torch.ones(2, device="cuda"))
        with pytest.raises(torch.VerificationError, match=r"the kernel of pkg_m\.times .*"):
            module.times(torch.full((2,), 2.0, device="cuda"))
