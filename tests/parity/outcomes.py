"""What a program comes to in each of the two libraries: values, or the exception that it ends in."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch as reference

import tritonnn as torch


def plain(value: Any) -> Any:
    """A result as Python values: tensors as [dtype, nested list]."""
    if isinstance(value, (torch.Tensor, reference.Tensor)):
        return [str(value.dtype), value.detach().tolist()]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def words(text: str) -> str:
    """A message without the path of a module, and with the libraries' own names alike."""
    text = re.sub(r"\n  in module '.*'", "", text).replace("tritonnn", "torch")
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def outcome(library: Any, program: Callable[[Any], Any]) -> tuple[str, Any, list[tuple[str, str]]]:
    """('value', result, warnings) or ('raised', (type, message), warnings)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            kind, result = "value", plain(program(library))
        except Exception as error:
            kind, result = "raised", (type(error).__name__, words(str(error)))
    noted = [(w.category.__name__, words(str(w.message))) for w in caught]
    return kind, result, [w for w in noted if "nested" not in w[1] and "attn_mask" not in w[1]]


def close(got: Any, wanted: Any, where: str = "") -> None:
    """Equal, numbers up to the rounding of some float32 operations."""
    if isinstance(wanted, dict):
        assert list(got) == list(wanted), where
        for key in wanted:
            close(got[key], wanted[key], f"{where}.{key}")
    elif isinstance(wanted, list) and not _numbers(wanted):
        assert isinstance(got, list) and len(got) == len(wanted), f"{where}: {got} instead of {wanted}"
        for i, pair in enumerate(zip(got, wanted)):
            close(*pair, f"{where}[{i}]")
    elif isinstance(wanted, (list, float, complex)):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-6, err_msg=where)
    else:
        assert got == wanted, f"{where}: {got} instead of {wanted}"


def _numbers(value: Any) -> bool:
    """Whether it is a nested list of numbers, and of as many in each part."""
    if not isinstance(value, list) or any(type(item) not in (int, float, complex, list) for item in value):
        return False
    inner = [len(item) if isinstance(item, list) else -1 for item in value]
    return len(set(inner)) <= 1 and all(_numbers(item) for item in value if isinstance(item, list))


def check(program: Callable[[Any], Any], same_words: bool = True) -> None:
    """The program comes to the same in both; `same_words` asks for the same messages too."""
    kind, wanted, noted = outcome(reference, program)
    own_kind, got, own_noted = outcome(torch, program)
    assert own_kind == kind, f"{got} instead of {wanted}"
    if kind == "value":
        close(got, wanted)
    elif same_words:
        assert got == wanted, f"{got} instead of {wanted}"
    else:
        assert got[0] == wanted[0]
    assert own_noted == noted, f"warned {own_noted} instead of {noted}"


def filled(library: Any, module: Any, seed: int = 0) -> Any:
    """`module` with every parameter and floating buffer drawn from one stream of random numbers, by name."""
    generator = np.random.default_rng(seed)
    for _, tensor in sorted((*module.named_parameters(), *module.named_buffers()), key=lambda item: item[0]):
        if tensor.is_floating_point():
            values = library.tensor(generator.normal(size=tuple(tensor.shape)).tolist(), dtype=tensor.dtype)
            with library.no_grad():
                tensor.copy_(values.reshape(tensor.shape))
    return module


def sample(library: Any, *shape: int, seed: int = 1) -> Any:
    """A tensor of normal numbers, the same in both libraries."""
    return library.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32).tolist())
