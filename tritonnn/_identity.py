"""What classes and versions are called while tritonnn is served as PyTorch.

Packages look at `type(layer).__module__`, at `torch.__version__` and at what is installed under the name torch. While
tritonnn is served all of them answer as PyTorch's would: `nn.Linear` is a `torch.nn.modules.linear.Linear`, which
`pickle` finds under that name, because `torch.nn.modules.linear` is the module it stands in.
"""

from __future__ import annotations

import io
import sys
from importlib.metadata import Distribution
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from tritonnn import _parameter, torch_version, version
from tritonnn.serialization import _tensors
from tritonnn.storage import untyped

__all__ = ["Installed", "call", "claim", "public_module", "rename"]

# What is not PyTorch's: the table (its torch.ops are operators), kernels and NumPy functions.
INNER = ("tritonnn.ops.", "tritonnn.kernels.", "tritonnn.cpu_fallback.")
# Modules below `tritonnn` -> where PyTorch has their classes, below `torch`; all others are called alike in both.
PLACES = {
    "_overriding": "_C",
    **dict.fromkeys((
        "_tensor", "_streams", "_symbolic", "device", "dtypes", "futures", "memory_format", "shape",
    ), ""),
    "_parameter": "nn.parameter",
    "nn.module": "nn.modules.module", "nn._state": "nn.modules.module",
    "nn.modules.attention": "nn.modules.activation", "nn.modules.gated": "nn.modules.activation",
    "nn.modules.softmax": "nn.modules.activation",
    "nn.modules.adaptive_pooling": "nn.modules.pooling", "nn.modules.fractional_pooling": "nn.modules.pooling",
    "nn.modules.lazyconv": "nn.modules.conv",
    "nn.modules.linear_cross_entropy": "nn.modules.loss", "nn.modules.margin_loss": "nn.modules.loss",
    "nn.modules.parameter_container": "nn.modules.container",
    "nn.modules._rnn_base": "nn.modules.rnn", "nn.modules.rnn_cells": "nn.modules.rnn",
    "nn.attention._block_mask": "nn.attention.flex_attention",
    "nn.utils._parametrization_list": "nn.utils.parametrize", "nn.utils._prune_base": "nn.utils.prune",
    "ops.linalg.scaled": "nn.functional", "ops.loss._chunking": "nn.modules.linear_cross_entropy_options",
    "ops.sparse.invariants": "sparse",
    "optim.adafactor": "optim", "optim.muon": "optim",
    **dict.fromkeys((f"optim.lr_scheduler.{part}" for part in (
        "_base", "_compose", "_cosine", "_cycle", "_decay", "_plateau",
    )), "optim.lr_scheduler"),
    "autograd.anomaly": "autograd.anomaly_mode",
    "recording.edges": "autograd.graph", "recording.graph": "autograd.graph", "recording.packing": "autograd.graph",
    "recording.grad_mode": "autograd.grad_mode", "recording.reverse_mode": "autograd.grad_mode",
    "utils._checkpoint_modes": "utils.checkpoint", "utils._checkpoint_parts": "utils.checkpoint",
    "serialization._endianness": "serialization", "serialization._settings": "serialization",
    "cuda._driver": "cuda",
    "distributed.absent": "distributed",
    "distributions._transforms": "distributions.transforms",
    "distributions._combined_constraints": "distributions.constraints",
    "amp._scaler_state": "amp.grad_scaler", "autograd.differences": "autograd.gradcheck",
    "nn.modules._loss_base": "nn.modules.loss",
    "profiler._schedule.ProfilerActivity": "_C._profiler",
    "profiler._events": "autograd.profiler_util", "profiler._profile": "profiler.profiler",
    "profiler._ranges": "autograd.profiler", "profiler._schedule": "profiler.profiler",
    "utils.tensorboard._by_tensorboardx": "utils.tensorboard.writer",
    "utils.tensorboard._by_tensorboard": "utils.tensorboard.writer",
    "utils.data._iterators": "utils.data.dataloader", "utils._pytree._spec": "utils._pytree",
    "storage": "storage",
    "cuda._devices": "cuda", "cuda.streams.StreamContext": "cuda",
    "cuda.AcceleratorError": "", "cuda.OutOfMemoryError": "",
    "random.Generator": "_C",
    "fx._codegen": "fx.graph", "fx._naming": "fx.graph", "fx._node_list": "fx.graph",
    "fx._root_arguments": "fx._symbolic_trace",
}  # fmt: skip

# Likewise, of functions: those of private modules otherwise stay where they are.
FUNCTIONS = {
    **dict.fromkeys((
        "utils.data._collate.collate", "utils.data._collate.default_collate", "utils.data._collate.default_convert",
    ), "utils.data._utils.collate"),
    "utils.data._worker.get_worker_info": "utils.data._utils.worker",
    "amp._scaler_state._refresh_per_optimizer_state": "amp.grad_scaler",
}  # fmt: skip


def public_module(module: str, name: str = "") -> str:
    """Where PyTorch has a class: 'torch.nn.modules.linear' for one of `tritonnn.nn.modules.linear`.

    Args:
        module: the module of tritonnn that it stands in.
        name: of the class, where it goes another way than the rest of the module.
    """
    own = module.removeprefix("tritonnn").removeprefix(".")
    if own.partition(".")[0] == "vision":
        return "torch" + own
    parts = [*own.split("."), name]
    for end in range(len(parts), 0, -1):
        place = PLACES.get(".".join(parts[:end]))
        if place is not None:
            return f"torch.{place}" if place else "torch"
    return f"torch.{own}" if own else "torch"


def call(module: ModuleType, name: str) -> None:
    """Let a module of tritonnn answer to PyTorch's name of it, 'torch.nn'.

    Only to those who ask the module: the name in its dictionary stays, by which the library knows its own frames.
    """
    kind = type(module)
    members: dict[str, Any] = {"__name__": property(lambda module: name)}
    if getattr(module, "__file__", None) is not None:
        members["__repr__"] = lambda module: f"<module {name!r} from {module.__file__!r}>"
    module.__class__ = type(kind.__name__, (kind,), members)


def rename(module: ModuleType) -> None:
    """Call the classes and public functions of a module of tritonnn what PyTorch calls them."""
    for value in list(vars(module).values()):
        if isinstance(value, FunctionType) and _is_public(value):
            own = value.__module__.removeprefix("tritonnn").removeprefix(".")
            vision = own.partition(".")[0] == "vision"
            value.__module__ = (
                f"torch{'' if vision else '.'}{FUNCTIONS.get(f'{own}.{value.__name__}', own)}".removesuffix(
                    "."
                )
            )
        if isinstance(value, type) and value.__module__.partition(".")[0] == "tritonnn":
            place = public_module(value.__module__, value.__name__)
            fields = vars(value).get("__annotations__")
            if fields and place != "torch" + value.__module__.removeprefix("tritonnn"):
                value.__annotations__ = {name: _meaning(text, vars(module)) for name, text in fields.items()}
            value.__module__ = place


def _is_public(function: FunctionType) -> bool:
    """Whether PyTorch may have it under the name that it has here."""
    module = function.__module__ or ""
    if module.partition(".")[0] != "tritonnn" or f"{module}.".startswith(INNER):
        return False
    name = f"{module}.{function.__name__}".removeprefix("tritonnn.")
    return name in FUNCTIONS or not any(part.startswith("_") for part in name.split("."))


def _meaning(annotation: object, names: dict[str, Any]) -> object:
    """The type that an annotation's text means in the module it was written in, as nobody else can tell."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(names))
    except Exception:  # of names that only type checkers import
        return Any


class Installed(Distribution):
    """What `importlib.metadata` says of the packages torch and torchvision: the version of the interface."""

    def __init__(self, package: str) -> None:
        self.package = package

    def read_text(self, filename: str) -> str | None:
        """The two files that say the name and the version."""
        number = version.served if self.package == "torch" else version.served_vision
        text = f"Metadata-Version: 2.1\nName: {self.package}\nVersion: {number}\n"
        return {"METADATA": text, "top_level.txt": f"{self.package}\n"}.get(filename)

    def locate_file(self, path: object) -> Path:
        """Where a file of it would lie."""
        return Path(__file__).parent / str(path)


# What plain pickles call to make tensors -> its name in `torch._utils`.
REBUILDING: dict[Any, str] = {
    _tensors.rebuild_tensor_v2: "_rebuild_tensor_v2", _tensors.rebuild_tensor_v3: "_rebuild_tensor_v3",
    _tensors.rebuild_sparse: "_rebuild_sparse_tensor", _tensors.rebuild_meta: "_rebuild_meta_tensor_no_storage",
    _parameter._rebuild_parameter: "_rebuild_parameter",
    _parameter._rebuild_parameter_with_state: "_rebuild_parameter_with_state",
}  # fmt: skip


def claim() -> None:
    """Give the version of PyTorch whose interface this is as the version."""
    served = torch_version.TorchVersion(version.served)
    sys.modules["tritonnn"].__version__ = torch_version.__version__ = served  # type: ignore[attr-defined]
    version.__version__ = version.served
    library: Any = sys.modules["tritonnn"]
    library.storage._load_from_bytes = _load_from_bytes
    _load_from_bytes.__module__ = "torch.storage"
    _tensors.reduce_storage = untyped.StorageBase.__reduce_ex__ = _by_bytes
    for function, name in REBUILDING.items():
        function.__module__, function.__name__, function.__qualname__ = "torch._utils", name, name


def _by_bytes(storage: Any, protocol: Any) -> tuple:
    """A storage in a plain pickle, as PyTorch reads it."""
    from tritonnn.serialization import save

    held = io.BytesIO()
    save(_tensors.storage_object(storage) if isinstance(storage, _tensors.StorageRef) else storage, held)
    return _load_from_bytes, (held.getvalue(),)


def _load_from_bytes(b: bytes) -> Any:
    """The storage in a plain pickle that PyTorch wrote: `pickle.dumps` of a tensor or a model."""
    from tritonnn.serialization import load

    return load(io.BytesIO(b), weights_only=False)
