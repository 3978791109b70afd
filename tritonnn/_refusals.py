"""Names of PyTorch whose subject tritonnn does not have: they import, and using one is refused in one sentence.

Packages import such names to compare classes with, or for a path that their users do not take. What does nothing where
an effect is expected would be worse than what is missing; so functions and classes here raise as soon as they are
called, and say what they belong to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

#: what the subjects are, and why they are not there
SCRIPT = (
    "tritonnn has no TorchScript; a model stays the Python that it is, and state_dict() carries its weights"
)
QUANTIZED = "tritonnn has no quantised tensors and no kernels for them; compute in float16, bfloat16 or float8 instead"
GRAPH = "tritonnn records no graph of a model that could be written down; it runs models as the Python that they are"
VENDOR = "tritonnn computes with kernels of its own and has no such library inside"


def refusing(name: str, why: str) -> Callable[..., NoReturn]:
    """A function that raises NotImplementedError with its name and the reason.

    >>> refusing("torch.onnx.export", "there is no graph")()
    Traceback (most recent call last):
    NotImplementedError: torch.onnx.export: there is no graph
    """

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"{name}: {why}")

    refuse.__module__, _, refuse.__name__ = name.rpartition(".")
    refuse.__qualname__ = refuse.__name__
    refuse.__doc__ = f"Refused: {why}."
    return refuse


def refusing_class(name: str, why: str, base: type = object) -> type:
    """A class that has no objects: asking for one raises NotImplementedError. `isinstance` answers False.

    >>> Script = refusing_class("torch.ScriptObject", "there is no TorchScript")
    >>> isinstance(3, Script)
    False
    """

    def make(cls: type, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(f"{name}: {why}")

    module, _, short = name.rpartition(".")
    return type(short, (base,), {"__new__": make, "__module__": module, "__doc__": f"Refused: {why}."})


def refused(module: str, why: str, functions: str = "", classes: str = "") -> dict[str, Any]:
    """Functions and classes of a module by name, all refused for one reason.

    Args:
        module: PyTorch's name of it, such as 'torch.onnx'.
        why: a clause that follows the name.
        functions, classes: names with blanks between.
    """
    made: dict[str, Any] = {name: refusing(f"{module}.{name}", why) for name in functions.split()}
    made.update({name: refusing_class(f"{module}.{name}", why) for name in classes.split()})
    return made
