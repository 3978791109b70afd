"""The shapes and strides of results are PyTorch's, of inputs that lie in other orders than row by row."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch as reference
from stride_calls import CALLS

import tritonnn

GAPS = "PyTorch copies the gaps between the elements too"
ONE = "the stride of a dimension of one element"
# call -> why its result lies otherwise
OTHER = {
    "F.pixel_shuffle(c4, 2)": ONE,
    "F.adaptive_avg_pool3d(c5, 1)": ONE,
    "torch.conv_tbc(x3, torch.ones(2, 4, 5), torch.ones(5))": ONE,
    "torch.conj_physical(x[:, ::2])": "of real numbers PyTorch returns the input itself",
    "torch.isin(x.t(), x.t())": "PyTorch refuses tensors that do not lie row-major",
    "F.soft_margin_loss(x.t(), x.t().sign(), reduction='none')": "the logarithm of the sigmoid lies row-major",
    "torch.select_scatter(x[:, ::2], torch.ones(3), 1, 0)": GAPS,
    "torch.slice_scatter(x[:, ::2], torch.ones(3, 1), 1, 0, 1)": GAPS,
    "torch.diagonal_scatter(x[:, ::2], torch.ones(2))": GAPS,
    "torch.as_strided_scatter(x.t(), torch.ones(2), (2,), (1,))": GAPS,
}
ATTENTION = "PyTorch's flash code lays heads behind positions"
OTHER["F.scaled_dot_product_attention(*[x3.unsqueeze(0).transpose(1, 2)] * 3)"] = ATTENTION


def names(library: Any, device: str) -> dict[str, Any]:
    x = library.arange(12.0, device=device).reshape(3, 4) + 0.5
    c4 = library.arange(128.0, device=device).reshape(2, 4, 4, 4) / 128
    c5 = library.arange(512.0, device=device).reshape(2, 4, 4, 4, 4) / 512
    return {
        "torch": library, "F": library.nn.functional, "x": x, "c4t": c4.transpose(2, 3),
        "x3": library.arange(24.0, device=device).reshape(2, 3, 4),
        "x6": library.arange(24.0, device=device).reshape(4, 6), "w4": library.ones(3, 4, 2, 2, device=device),
        "c4": c4.to(memory_format=library.channels_last), "c5": c5.to(memory_format=library.channels_last_3d),
    }  # fmt: skip


def geometry(library: Any, call: str, device: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.set_default_device(device)
        try:
            result = eval(call, names(library, device))
        except RuntimeError as error:
            return error.__class__
        finally:
            library.set_default_device(None)
    return tuple(result.shape), result.stride()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("call", CALLS)
def test_strides(call: str, device: str) -> None:
    got, wanted = geometry(tritonnn, call, device), geometry(reference, call, "cpu")
    assert (got != wanted) if call in OTHER else (got == wanted), f"{got}, PyTorch {wanted}"


def test_rows_are_of_calls() -> None:
    assert set(OTHER) <= set(CALLS) and all(OTHER.values())
