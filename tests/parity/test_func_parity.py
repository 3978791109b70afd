"""Function transforms: programs give what PyTorch gives, and bad calls are refused with its exceptions and words."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from parity.func_programs import PROGRAMS
from parity.func_refusals import REFUSED, Plain

import tritonnn

DEVICES = ("cpu", "cuda")


def flat(value: Any) -> list[np.ndarray]:
    """The tensors of nested results as arrays, dictionaries in the order of their keys."""
    if isinstance(value, (torch.Tensor, tritonnn.Tensor)):
        assert not value.requires_grad, "a transform's result has a graph"
        return [value.detach().cpu().numpy()]
    if isinstance(value, dict):
        return [array for key in sorted(value) for array in flat(value[key])]
    return [array for item in value for array in flat(item)]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    program, arrays = PROGRAMS[name]
    wanted = flat(program(torch, *[torch.from_numpy(a.copy()) for a in arrays]))
    got = flat(program(tritonnn, *[tritonnn.from_numpy(a.copy()) for a in arrays]))
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def refusal(library: Any, call: Any) -> BaseException:
    x = library.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
    with pytest.raises(Exception) as caught:
        call(library, x, Plain(library))
    return caught.value


#: said otherwise -> why
OTHER_WORDS = {
    "write": "PyTorch names the overload", "mask": "PyTorch names what its indexing is made of",
    "structure": "structures are printed otherwise", "out_structure": "the same", "vjp_structure": "the same",
    "jvp_structure": "the same",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name):
    wanted, got = refusal(torch, REFUSED[name]), refusal(tritonnn, REFUSED[name])
    assert isinstance(got, type(wanted)), (type(wanted), got)
    if name not in OTHER_WORDS:
        words = str(wanted).split(". ")[0].split("<lambda>")[-1][:60].lower()
        assert words.split("tritonnn")[0] in str(got).lower().replace("tritonnn", "torch"), (
            str(wanted),
            str(got),
        )
