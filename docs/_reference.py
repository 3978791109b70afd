"""The pages of the reference: ops by family, from the op table, and the modules beside it, from what they offer.

Names are looked at in the imported library, not in its text: functions of ops are made by decorators, and many names
are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from typing import Any

import _docstrings

import tritonnn
from tritonnn.ops import whole
from tritonnn.ops._coverage import COLUMNS
from tritonnn.table import NAMESPACES, OPS, Op

#: namespace of the table -> what stands before its names
PLACES = {
    "torch": "torch", "linalg": "torch.linalg", "special": "torch.special", "fft": "torch.fft",
    "functional": "torch.nn.functional", "torchvision": "torch.ops.torchvision",
}  # fmt: skip
#: family of ops -> title of its page; a family without a title is called by its name
FAMILIES = {
    "fft": "Fourier transforms", "linalg": "Linear algebra", "loss": "Losses", "scan": "Running sums and differences",
    "torch_forms": "Forms of layers and losses in torch", "special": "Special functions", "scatter": "Scattering",
    "random": "Random numbers", "variates": "Variates of distributions", "shape": "Shapes and views",
    "recurrent": "Recurrent layers", "resampling": "Resampling and grids", "sparse": "Sparse tensors",
    "optimizer": "Lists of tensors", "vision": "Boxes and regions",
}  # fmt: skip
#: modules beside the table, a page each
MODULES = """
    nn.functional nn.init nn.parameter nn.utils nn.utils.rnn nn.utils.parametrize nn.utils.parametrizations
    nn.utils.prune nn.attention nn.attention.bias nn.attention.flex_attention nn.attention.varlen optim
    optim.lr_scheduler optim.swa_utils autograd autograd.functional autograd.forward_ad autograd.graph func
    utils.data utils utils.checkpoint utils.safetensors utils.flop_counter utils.dlpack utils.deterministic amp
    cuda cpu backends.cuda backends.cudnn distributions distributions.transforms distributions.constraints
    sparse nested masked signal.windows profiler library overrides serialization random testing quasirandom
    futures
"""
#: modules of torchvision, likewise
VISION = """
    transforms transforms.functional transforms.v2 transforms.v2.functional tv_tensors datasets datasets.utils models
    models.detection models.segmentation models.video models.optical_flow models.feature_extraction ops io utils
"""
TENSOR = "Methods that are ops stand on the pages of the ops; here are the others."
#: page of `nn` -> its title, and the files whose layers it shows; other files have pages of their own
LAYERS: dict[str, tuple[str, str]] = {
    "module": ("Modules and containers", "module container parameter_container parameter nn data_parallel"),
    "linear": ("Linear layers", "linear"),
    "convolution": ("Convolutions", "conv lazyconv fold"),
    "pooling": ("Pooling", "pooling adaptive_pooling fractional_pooling"),
    "activation": ("Activations", "activation gated softmax adaptive"),
    "normalization": ("Normalisation", "batchnorm instancenorm normalization"),
    "recurrent": ("Recurrent layers", "rnn rnn_base rnn_cells"),
    "attention": ("Attention and transformers", "attention transformer"),
    "embedding": ("Embeddings", "sparse"),
    "dropout": ("Dropout", "dropout"),
    "padding": ("Padding", "padding"),
    "shape": ("Shapes and resampling", "flatten pixelshuffle channelshuffle upsampling"),
    "loss": ("Losses and distances", "loss margin_loss linear_cross_entropy chunking distance"),
}
PAGE_OF = {file: page for page, (_, files) in LAYERS.items() for file in files.split()}
#: the columns of the coverage table that stand below an op
SHOWN = ("dtypes", "cpu", "cuda", "gradient", "second gradient", "vmap rule")


def entry(heading: str, path: str, value: Any, note: str = "") -> str:
    """What a page says of one name."""
    parts = [f"{heading} `{path}` {{#{path}}}", _docstrings.signature(path, value)]
    parts += [_docstrings.markdown(getattr(value, "__doc__", None)), note]
    return "\n\n".join(part for part in parts if part)


# ---- ops ----------------------------------------------------------------------------------------------------


def published() -> dict[str, list[tuple[Op, list[str], Any]]]:
    """Family -> (op, the names that lead to it, its function), by the first name."""
    whole()
    names: dict[str, list[str]] = {}
    functions: dict[str, Any] = {}
    for place, prefix in PLACES.items():
        for name, function in NAMESPACES[place].items():
            op = getattr(function, "op", None)
            if op is not None and not name.startswith("_"):
                names.setdefault(op.name, []).append(f"{prefix}.{name}")
                functions.setdefault(op.name, function)
    for name, method in vars(tritonnn.Tensor).items():
        op = getattr(method, "op", None)
        if op is not None and not name.startswith("_"):
            names.setdefault(op.name, []).append(f"torch.Tensor.{name}")
            functions.setdefault(op.name, method)
    families: dict[str, list] = {}
    for key, paths in names.items():
        op = OPS[key]
        own = [path for path in paths if path.rpartition(".")[2] == op.public_name] or paths
        paths = [own[0], *[path for path in paths if path != own[0]]]
        families.setdefault(op.family.split("/")[0], []).append((op, paths, functions[key]))
    return {
        family: sorted(rows, key=lambda row: row[1][0].lower()) for family, rows in sorted(families.items())
    }


def facts(op: Op, others: list[str]) -> str:
    """The other names of an op, and its row of the coverage table."""
    cells = [f"{column}: {COLUMNS[column](op)}" for column in SHOWN if COLUMNS[column](op)]
    also = "Also " + ", ".join(f"`{path}`" for path in others) + ".\n\n" if others else ""
    return also + "<small>" + "; ".join(cells) + "</small>"


def title_of(family: str) -> str:
    """The title of a family's page."""
    return FAMILIES.get(family, family.replace("_", " ").capitalize())


def layers_title(page: str) -> str:
    """The title of a page of `nn`."""
    return LAYERS[page][0] if page in LAYERS else page.replace("_", " ").capitalize()


def op_pages() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of each family."""
    for family, rows in published().items():
        texts = [f"# {title_of(family)}"]
        texts += [entry("##", paths[0], function, facts(op, paths[1:])) for op, paths, function in rows]
        yield f"reference/ops/{family}.md", "\n\n".join(texts) + "\n"


# ---- what stands beside the table ----------------------------------------------------------------------------


def offered(module: types.ModuleType, listed: list[str] | None = None) -> dict[str, Any]:
    """The functions and classes that a module offers, by its `__all__` or another list, and that are no ops."""
    listed = listed or getattr(module, "__all__", None)
    names = listed if listed is not None else dir(module)
    found = {}
    for name in sorted(set(names)):
        value = getattr(module, name, None)
        home = str(getattr(value, "__module__", ""))
        if (
            name.startswith("_")
            or not callable(value)
            or not home.startswith("tritonnn")
            or hasattr(value, "op")
        ):
            continue
        if listed is not None or home.startswith(module.__name__):
            found[name] = value
    return found


def methods(path: str, cls: type) -> Iterator[str]:
    """The methods and properties that a class has of its own and describes."""
    for name, value in vars(cls).items():
        function = getattr(value, "__func__", value)
        if isinstance(function, property):
            function = function.fget
        doc = getattr(function, "__doc__", None)
        if (
            name.startswith("_")
            or name == "forward"
            or not isinstance(function, types.FunctionType)
            or not doc
        ):
            continue
        if hasattr(function, "op"):  # it stands on the page of its family
            continue
        call = "" if isinstance(value, property) else _docstrings.signature(name, function, method=True)
        parts = [
            f"### `{path.rpartition('.')[2]}.{name}` {{#{path}.{name}}}",
            call,
            _docstrings.markdown(doc),
        ]
        yield "\n\n".join(part for part in parts if part)


def described(path: str, value: Any) -> str:
    """A function or class, with its methods."""
    text = entry("##", path, value)
    return "\n\n".join([text, *methods(path, value)]) if isinstance(value, type) else text


def module_page(path: str, members: dict[str, Any], title: str = "", text: str = "") -> str:
    """The page of what a module offers."""
    return "\n\n".join(
        [f"# {title or path}", text, *[described(f"{path}.{name}", value) for name, value in members.items()]]
    )


def beside_the_table() -> dict[str, tuple[str, str]]:
    """What a module is called -> (the module of tritonnn, its page)."""
    torch = {f"torch.{n}": (f"tritonnn.{n}", f"reference/{n.replace('.', '_')}.md") for n in MODULES.split()}
    vision = {
        f"torchvision.{n}": (f"tritonnn.vision.{n}", f"reference/vision/{n.replace('.', '_')}.md")
        for n in VISION.split()
    }
    return torch | vision


def module_pages() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of each module; of `nn` a page for each of its files."""
    beside = {n: v for n, v in offered(tritonnn).items() if n not in ("Tensor",)}
    yield "reference/torch.md", module_page("torch", beside, "torch beside the ops") + "\n"
    tensor = [entry("#", "torch.Tensor", tritonnn.Tensor), TENSOR]
    tensor += methods("torch.Tensor", tritonnn.Tensor)
    yield "reference/tensor.md", "\n\n".join(tensor) + "\n"
    layers: dict[str, dict[str, Any]] = {}
    for name, value in offered(tritonnn.nn, dir(tritonnn.nn)).items():
        file = value.__module__.rpartition(".")[2].strip("_")
        layers.setdefault(PAGE_OF.get(file, file), {})[name] = value
    for page, members in layers.items():
        yield f"reference/nn/{page}.md", module_page("torch.nn", members, layers_title(page)) + "\n"
    for name, (own, page) in beside_the_table().items():
        module = importlib.import_module(own)
        members = offered(module)
        if members:
            yield page, module_page(name, members, name, _docstrings.markdown(module.__doc__)) + "\n"


def pages() -> dict[str, str]:
    """Path -> Markdown of the whole reference."""
    return {**dict(op_pages()), **dict(module_pages())}


def navigation(made: set[str]) -> list:
    """The reference's part of the navigation."""
    ops = sorted(page for page in made if page.startswith("reference/ops/"))
    layers = [page for page in (f"reference/nn/{name}.md" for name in LAYERS) if page in made]
    layers += sorted(page for page in made if page.startswith("reference/nn/") and page not in layers)
    beside = {name: page for name, (_, page) in beside_the_table().items() if page in made}
    modules = [{name: page} for name, page in beside.items() if name.startswith("torch.")]
    return [
        {"torch": "reference/torch.md"},
        {"Tensor": "reference/tensor.md"},
        {"Ops": [{title_of(page.split("/")[-1][:-3]): page} for page in ops]},
        {"nn": [{layers_title(page.split("/")[-1][:-3]): page} for page in layers]},
        {"Modules": modules},
        {"Vision": [{name: page} for name, page in beside.items() if {name: page} not in modules]},
    ]
