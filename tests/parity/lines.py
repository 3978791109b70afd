"""Lines of Python that are run on both libraries: the result, or the type of the error, is the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch as reference
from reference_ops import outcome

import tritonnn


def seen(value: Any) -> Any:
    """What of a result is compared: types, shapes and values."""
    if isinstance(value, (tritonnn.Tensor, reference.Tensor)):
        return str(value.dtype), tuple(value.shape), str(value.detach().cpu().tolist())
    if isinstance(value, (tuple, list)):
        return [seen(part) for part in value]
    if isinstance(value, Exception):
        # ours may be a special case of PyTorch's, as NotImplementedError is of RuntimeError
        return next(kind for kind in type(value).__mro__ if kind.__module__ == "builtins")
    return value


def hold(line: str, names: Callable[[Any], dict[str, Any]], device: str) -> None:
    """Hold a line, which sees `names(library)`, to PyTorch's outcome."""

    def run(library: Any, place: str) -> Any:
        known = {"torch": library, "F": library.nn.functional, "nn": library.nn, "np": np}
        library.set_default_device(place)
        try:
            return outcome(lambda: eval(line, {**known, "inf": math.inf, "nan": math.nan, **names(library)}))
        finally:
            library.set_default_device(None)  # PyTorch takes another road while one is set

    got, wanted = run(tritonnn, device), run(reference, "cpu")
    ours, theirs = seen(got), seen(wanted)
    if isinstance(theirs, type) and isinstance(ours, type):
        assert issubclass(ours, theirs), f"{got!r}, PyTorch {wanted!r}"
    else:
        assert ours == theirs, f"{got!r}, PyTorch {wanted!r}"
