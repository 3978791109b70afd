"""The pages that compare with PyTorch: its names, there or not, and what each op has.

`docs/_torch_names.txt` holds PyTorch's public names, a module a line: `python docs/_coverage_pages.py` writes it where
PyTorch is installed, and a test of `tests/parity` says when it is stale.
"""

from __future__ import annotations

import importlib
import types
from pathlib import Path
from typing import Any

import _differences

NAMES = Path(__file__).resolve().with_name("_torch_names.txt")
MODULES = """
    torch torch.Tensor torch.nn torch.nn.functional torch.nn.init torch.nn.parameter torch.nn.utils
    torch.nn.utils.rnn torch.nn.utils.parametrize torch.nn.utils.parametrizations torch.nn.utils.prune
    torch.nn.utils.stateless torch.nn.attention torch.nn.attention.bias torch.nn.attention.flex_attention
    torch.nn.parallel torch.optim torch.optim.lr_scheduler torch.optim.swa_utils torch.autograd
    torch.autograd.functional torch.autograd.forward_ad torch.autograd.graph torch.autograd.profiler torch.func
    torch.linalg torch.fft torch.special torch.signal.windows torch.sparse torch.nested torch.masked
    torch.distributions torch.distributions.transforms torch.distributions.constraints torch.utils.data
    torch.utils.checkpoint torch.utils.dlpack torch.utils.flop_counter torch.serialization torch.random
    torch.testing torch.amp torch.cpu torch.cuda torch.cuda.amp torch.accelerator torch.mps torch.xpu
    torch.backends torch.profiler torch.library torch.overrides torch.futures torch.multiprocessing torch.hub
    torch.jit torch.compiler torch.export torch.fx torch.onnx torch.package torch.distributed
    torch.ao.quantization torch.utils.cpp_extension torch.utils.tensorboard torch.utils.mobile_optimizer
    torch.utils.bottleneck
"""
HEAD = """# Names of PyTorch

Public names of PyTorch {version}, module by module, and whether tritonnn has them. A name that is there may refuse some
arguments: it says which. A name that is not there raises `AttributeError: tritonnn has no torch.X`.

| module | names | there | |
|---|---:|---:|---|
"""
OPS_HEAD = """---
hide: [toc]
---

# Ops

What each op of the table has; `python -m tritonnn.ops --coverage` prints the same. An op that is *composed*
computes with others and runs where they do; a *view* moves no data; *host* means that tensors of a GPU are computed
on the host, or by NVIDIA's libraries where they are installed. *floats* are float32 and float64, *halves* float16
and bfloat16. An empty field under a gradient: results are constants, whole numbers or truth values. In `vmap` an op
has a *rule*, is *composed* of ops that have one, or is called in a *loop*, once for each sample.

"""


def owner(name: str, library: str) -> Any:
    """A module of a library, or its Tensor; None where there is none."""
    if name == "torch.Tensor":
        return importlib.import_module(library).Tensor
    try:
        return importlib.import_module(library + name.removeprefix("torch"))
    except ImportError:
        return None


def public(name: str) -> list[str]:
    """The public names of a module of the installed PyTorch."""
    module = owner(name, "torch")
    if module is None:
        return []
    if name == "torch.Tensor":
        listed = dir(module)
    elif hasattr(module, "__all__") and name != "torch.nn":  # of torch.nn it has one name only
        listed = module.__all__
    else:
        homes = (module.__name__, "torch._C._linalg")
        listed = [n for n, v in vars(module).items() if str(getattr(v, "__module__", "")).startswith(homes)]
    imported = set() if name == "torch" else {"Tensor"}
    named = {n for n in listed if not n.startswith("_") and hasattr(module, n)} - imported
    return sorted(n for n in named if not isinstance(getattr(module, n), types.ModuleType))


def collected() -> str:
    """The text of the file of names, from the installed PyTorch."""
    import torch

    rows = {name: public(name) for name in MODULES.split()}
    lines = [f"{name}: {' '.join(names)}" for name, names in rows.items() if names]
    return "\n".join([f"version: {torch.__version__.partition('+')[0]}", *lines, ""])


def names_by_module() -> dict[str, str]:
    """What the file says: the version of PyTorch, and the names of each module."""
    return dict(line.split(": ", 1) for line in NAMES.read_text(encoding="utf-8").splitlines())


def names_page() -> str:
    """The page of names."""
    rows = names_by_module()
    version, table, missing = rows.pop("version"), [], []
    for name, text in rows.items():
        here, names = owner(name, "tritonnn"), text.split()
        lacking = [n for n in names if here is None or not hasattr(here, n)]
        anchor = name.replace(".", "-")
        link = f"[not there](#{anchor})" if lacking else ""
        table.append(f"| `{name}` | {len(names)} | {len(names) - len(lacking)} | {link} |")
        if lacking:
            whole = "tritonnn has no such module. " if here is None else ""
            text = ", ".join(f"`{n}`" for n in lacking)
            missing.append(f"## Not in `{name}` {{#{anchor}}}\n\n{whole}{text}")
    return HEAD.format(version=version) + "\n".join(table) + "\n\n" + "\n\n".join(missing) + "\n"


def ops_page() -> str:
    """The page of ops: the table of `python -m tritonnn.ops --coverage`."""
    from tritonnn.ops._coverage import COLUMNS, rows

    table = rows()
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    lines += ["| `" + row[0] + "` | " + " | ".join(row[1:]) + " |" for row in table]
    columns = dict(zip(COLUMNS, zip(*table)))
    count = (
        f"{len(table)} ops; {columns['gradient'].count('yes')} have a gradient, "
        f"{columns['second gradient'].count('yes')} a second one; of {columns['vmap rule'].count('loop')} `vmap` is a "
        f"loop; {columns['cuda'].count('host')} run on the host for tensors of a GPU.\n\n"
    )
    return OPS_HEAD + count + "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Path -> Markdown."""
    return {
        "coverage/names.md": names_page(),
        "coverage/ops.md": ops_page(),
        "coverage/differences.md": _differences.page(names_by_module()["version"]),
    }


if __name__ == "__main__":
    NAMES.write_text(collected(), encoding="utf-8")
