"""`python -m tritonnn run` and `python -m tritonnn.collect_env`, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tritonnn import version

ROOT = Path(__file__).resolve().parent.parent


def python(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environ["PYTHONPATH"] = str(ROOT)  # also from a checkout that is not the installed one
    command = [sys.executable, *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def run(tmp_path: Path, source: str, *args: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(source))
    return python("-m", "tritonnn", "run", script, *args)


def output(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_torch_is_tritonnn(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import sys
        import torch, torch.nn as nn
        import torch.nn.functional as F
        from torch.utils.data import DataLoader
        import tritonnn, tritonnn.nn.functional, tritonnn.utils.data
        print(torch is tritonnn, nn is tritonnn.nn, F is tritonnn.nn.functional)
        print(DataLoader is tritonnn.utils.data.DataLoader, sys.modules["torch.nn"] is tritonnn.nn)
        print(tritonnn.__spec__.name, nn.__spec__.name, nn.__name__)
        """,
    )
    assert output(done) == ["True True True", "True True", "tritonnn tritonnn.nn torch.nn"]


def test_script_sees_what_python_gives_it(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("value = 7\n")
    done = run(
        tmp_path,
        """
        import pickle, sys
        from neighbour import value
        class Thing: pass
        print(__name__, value, sys.argv[1:], sys.path[0] == __file__.rpartition("/")[0])
        print(pickle.loads(pickle.dumps(Thing)) is Thing, sys.argv[0] == __file__)
        sys.exit(3)
        """,
        "--lr",
        "0.1",
    )
    assert done.stdout == "__main__ 7 ['--lr', '0.1'] True\nTrue True\n"
    assert done.returncode == 3


def test_module(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "train.py").write_text(
        "import sys, torch\nprint(__name__, torch.__name__, sys.argv[1:])\n"
    )
    done = python("-m", "tritonnn", "run", "-m", "package.train", "x", cwd=tmp_path)
    assert output(done) == ["__main__ torch ['x']"]


@pytest.mark.parametrize(
    "source, error, name",
    [
        ("import torch.nowhere", "ModuleNotFoundError", "torch.nowhere"),
        ("import torch.nn.nowhere.deeper", "ModuleNotFoundError", "torch.nn.nowhere"),
        ("from torch.nn import Nowhere", "ImportError", "torch.nn.Nowhere"),
        ("import torch\ntorch.nowhere(3)", "AttributeError", "torch.nowhere"),
        ("import torch\ntorch.nn.functional.nowhere", "AttributeError", "torch.nn.functional.nowhere"),
        ("import torch\ntorch.ones(2).nowhere()", "AttributeError", "torch.Tensor.nowhere"),
    ],
)
def test_missing_name(tmp_path: Path, source: str, error: str, name: str) -> None:
    done = run(tmp_path, source)
    assert done.returncode == 1
    last = done.stderr.strip().split("\n")[-1]
    assert last.startswith(f"{error}: tritonnn has no {name}. If current PyTorch has it"), done.stderr


def test_missing_name_can_be_probed(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import torch
        print(hasattr(torch, "nowhere"))
        for line in ("import torch.nowhere", "from torch import nowhere"):
            try:
                exec(line)
            except ImportError as error:
                print(type(error).__name__)
        """,
    )
    assert output(done) == ["False", "ModuleNotFoundError", "ImportError"]


def test_users_own_error_is_left_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "import torch\nclass Net(torch.nn.Module): pass\nNet().lyer1")
    assert "tritonnn has no" not in done.stderr
    assert "lyer1" in done.stderr


def test_spawned_worker_gets_tritonnn(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import multiprocessing, torch
        from torch import nn
        def work(queue):
            queue.put((torch.__name__, nn.__name__))
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=work, args=(queue,))
            process.start()
            print(queue.get(timeout=30))
            process.join()
        """,
    )
    assert output(done) == ["('torch', 'torch.nn')"]


def test_safetensors_package(tmp_path: Path) -> None:
    """The package's own module for PyTorch: values, what it refuses, tied weights."""
    done = run(
        tmp_path,
        """
        import os, torch, torch.nn as nn
        from safetensors.torch import load_file, load_model, save_file, save_model
        os.chdir(os.path.dirname(__file__))
        x = torch.arange(6.0).reshape(2, 3)
        save_file({"x": x, "h": torch.ones(2).bfloat16(), "none": torch.zeros(0, 3)}, "a.safetensors")
        got = load_file("a.safetensors")
        print(got["x"].tolist() == x.tolist(), got["h"].dtype, got["none"].shape)
        for tensors in ({"a": x, "b": x}, {"a": x.t()}):
            try:
                save_file(tensors, "a.safetensors")
            except (RuntimeError, ValueError) as error:
                print(type(error).__name__, "share memory" in str(error), "non contiguous" in str(error))
        def tied():
            model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
            model[1].weight = model[0].weight
            return model
        first, second = tied(), tied()
        save_model(first, "m.safetensors")
        load_model(second, "m.safetensors")
        print(torch.equal(second[1].weight, first[0].weight), x.layout is torch.strided)
        """,
    )
    assert output(done) == [
        "True torch.bfloat16 torch.Size([0, 3])",
        "RuntimeError True False",
        "ValueError False True",
        "True True",
    ]


def test_command_line() -> None:
    assert output(python("-m", "tritonnn", "--help"))[0].startswith("usage: tritonnn run [--profile] SCRIPT")
    assert output(python("-m", "tritonnn", "--version")) == [f"tritonnn {version.project}"]
    wrong = [(), ("run",), ("walk", "x.py"), ("run", "-m"), ("run", "--fast", "x.py"), ("run", "--profile")]
    for args in (*wrong, ("collect-env", "now"), ("ops",), ("summary",)):
        done = python("-m", "tritonnn", *args)
        assert done.returncode == 2, args
        assert done.stderr.startswith("usage:")
    done = python("-m", "tritonnn", "run", "/nowhere/x.py")
    assert done.returncode == 1
    assert done.stderr.endswith("cannot open '/nowhere/x.py': No such file or directory\n")


@pytest.mark.parametrize("command", [("tritonnn.collect_env",), ("tritonnn", "collect-env")])
def test_collect_env(command: tuple[str, ...]) -> None:
    lines = output(python("-m", *command))
    names = [line.split(":")[0] for line in lines]
    assert names[0] == "tritonnn"
    assert {"Python", "platform", "numpy", "triton", "BLAS", "GPU", "TRITONNN_NAN_POISON"} <= set(names)


@pytest.mark.skipif(os.name == "nt", reason="pipes of another kind")
def test_a_reader_who_has_had_enough() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "tritonnn", "collect-env"], stdout=writer, stderr=subprocess.PIPE, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 1 and done.stderr == ""


def test_ops_are_asked_by_either_command() -> None:
    for command in (("tritonnn.ops",), ("tritonnn", "ops")):
        lines = output(python("-m", *command, "where", "relu"))
        assert lines[0].startswith("relu(input") and "tritonnn/ops/activation/activation.py:" in lines[1]


PROFILED = """
import sys
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(500, 400), nn.ReLU(), nn.Linear(400, 2))

    def forward(self, x):
        return self.layers(x)

net, x = Net(), torch.ones(300, 500)
for _ in range(3):
    net(x).sum().backward()
print("printed by the script", sys.argv[1:])
"""


def test_run_with_a_profile(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(PROFILED + "sys.exit(3)\n")
    done = python("-m", "tritonnn", "run", "--profile", tmp_path / "script.py", "--profile")
    assert done.returncode == 3 and done.stdout == "printed by the script ['--profile']\n", done.stderr
    head, names, *rows = done.stderr.splitlines()
    assert re.match(r"\d+ calls of ops took \d.* of \d+\.\d{3}s; the 10 most expensive of \d+ rows$", head)
    assert names.split() == ["op", "module", "calls", "time", "share", "memory", "largest"]
    (product,) = [row.split() for row in rows if row.startswith("aten::addmm  ") and "Net.layers.0 " in row]
    # 300 x 400 numbers of 4 bytes, in each of 3 calls
    assert product[2] == "3" and product[-4:] == ["1.37", "MB", "468.75", "KB"]
    assert any("Net.layers.0 (backward)" in row for row in rows)
    assert len(rows) == 11 and rows[-1].startswith("peak memory of the process: ")
    shares = [float(re.search(r"([\d.]+)%", row)[1]) for row in rows[:10]]  # type: ignore[index]
    assert shares == sorted(shares, reverse=True) and 50 < sum(shares) <= 101


def test_a_profile_of_a_failing_script_and_of_the_simulated_device(tmp_path: Path) -> None:
    code = PROFILED.replace("net, x = ", 'torch.set_default_device("cuda")\nnet, x = ') + "torch.no_such\n"
    (tmp_path / "script.py").write_text(code.replace("500", "5").replace("400", "4"))
    done = python("-m", "tritonnn", "run", "--profile", tmp_path / "script.py")
    assert done.returncode == 1 and "tritonnn has no torch.no_such" in done.stderr
    assert "Net.layers.0 " in done.stderr and "peak memory of tensors on cuda:0: " in done.stderr


def test_sums_do_not_grow_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    import tritonnn as torch
    from tritonnn.profiler import _totals

    monkeypatch.setattr(_totals, "MOST_NOTES", 8)
    totals, x = _totals.Totals(), torch.ones(100)
    totals.start()
    with torch.profiler.record_function("all"):
        for _ in range(50):
            y = x + x
            assert len(totals.notes) <= 9
        del y
    totals.stop()
    entry = totals.sums["aten::add", ""]
    assert (entry.calls, entry.memory, entry.largest) == (50, 20000, 400)
    assert totals.report(1).splitlines()[2].split()[:3] == ["aten::add", "-", "50"]


def test_torchvision_is_ours(tmp_path):
    """An installed one is asked only for modules that tritonnn.vision has not."""
    script = tmp_path / "script.py"
    script.write_text(
        "import importlib.metadata, torchvision, tritonnn\n"
        "assert torchvision is tritonnn.vision\n"
        "print(torchvision.__version__, importlib.metadata.version('torchvision'))\n"
        "from torchvision.prototype.thing import WHERE\n"
        "print(WHERE)\n"
    )
    command = [sys.executable, "-m", "tritonnn", "run", str(script)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.stdout == "0.28.0+tritonnn 0.28.0+tritonnn\n", done.stderr
    assert "tritonnn has no torchvision.prototype" in done.stderr
    installed = tmp_path / "site" / "torchvision"
    (installed / "prototype").mkdir(parents=True)
    (installed / "__init__.py").write_text("raise RuntimeError('the installed one')")
    (installed / "prototype" / "__init__.py").write_text("")
    (installed / "prototype" / "thing.py").write_text("import torchvision as v; WHERE = v.__name__")
    env["PYTHONPATH"] += os.pathsep + str(installed.parent)
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[1:] == ["torchvision"], done.stderr


def test_identity(tmp_path: Path) -> None:
    """Versions, names of classes, what is installed: what packages look at before they do anything."""
    done = run(
        tmp_path,
        """
        import importlib.metadata, importlib.util, inspect, pickle, typing
        import torch, tritonnn
        from torch.torch_version import TorchVersion
        print(torch.__version__, isinstance(torch.__version__, TorchVersion), torch.__version__ >= (2, 4))
        print(tritonnn.version.project, torch.version.__version__, importlib.metadata.version("torch"))
        print("torch" in importlib.metadata.packages_distributions(), torch.torch is torch)
        print(importlib.util.find_spec("torch.nowhere"), importlib.util.find_spec("torch.nn") is not None)
        print(torch.Tensor, type(torch.ones(1)), torch.nn.Linear, torch.nn.GELU, torch.optim.lr_scheduler.StepLR)
        import torch.distributions, torch.utils.data  # renamed when they are loaded later
        print(torch.distributions.Normal, torch.utils.data.DataLoader)
        for kind in (torch.nn.GELU, torch.nn.Parameter, torch.Tensor, torch.optim.Adam, torch.dtype, torch.Size):
            assert pickle.loads(pickle.dumps(kind)) is kind, kind
        hints = typing.get_type_hints(torch.nn.Linear)
        print(repr(pickle.loads(pickle.dumps(torch.nn.Linear(2, 3)))), "_modules" in hints)
        class Net(torch.nn.Linear):
            pass
        print(type(Net(1, 1)), torch.typename(torch.nn.ReLU()), hasattr(torch.autograd, "nothing"))
        """,
    )
    assert output(done) == [
        "2.13.0+tritonnn True True",
        "0.1.0 2.13.0+tritonnn 2.13.0+tritonnn",
        "True True",
        "None True",
        "<class 'torch.Tensor'> <class 'torch.Tensor'> <class 'torch.nn.modules.linear.Linear'> "
        "<class 'torch.nn.modules.activation.GELU'> <class 'torch.optim.lr_scheduler.StepLR'>",
        "<class 'torch.distributions.normal.Normal'> <class 'torch.utils.data.dataloader.DataLoader'>",
        "Linear(in_features=2, out_features=3, bias=True) True",
        "<class '__main__.Net'> torch.nn.modules.activation.ReLU False",
    ]


def test_operators_are_no_package(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import torch, torch.ops
        from torch import ops
        print(ops is torch.ops, torch.ops.aten.add.Tensor, torch.ops.mine, torch.ops.loaded_libraries)
        try:
            torch.ops.load_library("kernels.so")
        except OSError as error:
            print(str(error).partition(".")[0])
        """,
    )
    assert output(done) == [
        "True aten.add.Tensor <module 'torch.ops.mine' from 'torch.ops'> set()",
        "Could not load this library: kernels",
    ]


def test_files_of_whole_models_name_pytorchs_classes(tmp_path: Path) -> None:
    """While tritonnn is served, a saved model is one that PyTorch could read."""
    done = run(
        tmp_path,
        """
        import io, zipfile, torch
        file = io.BytesIO()
        torch.save(torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.GELU()), file)
        data = zipfile.ZipFile(file)
        names = data.read(next(name for name in data.namelist() if name.endswith("data.pkl")))
        print(b"tritonnn" in names, b"torch.nn.modules.linear\\nLinear" in names)
        print(torch.load(file, weights_only=False)[1])
        """,
    )
    assert output(done) == ["False True", "GELU(approximate='none')"]


def test_errors_start_at_the_users_line(tmp_path: Path) -> None:
    done = run(tmp_path, "import torch\ntorch.ones(2) @ torch.ones(3)")
    lines = done.stderr.strip().split("\n")
    assert done.returncode == 1 and lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path}/script.py", line 2, in <module>'
    assert "_run.py" not in done.stderr
