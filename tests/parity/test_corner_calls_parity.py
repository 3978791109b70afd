"""Calls with NaN, infinities, zeros, ends of ranges and odd arguments give what they give in PyTorch, or its error."""

from __future__ import annotations

from typing import Any

import corner_calls
import corner_calls_elementwise
import corner_calls_losses
import pytest
import torch as reference
from programs import outcome, same

import tritonnn

CALLS = (
    *corner_calls.CALLS,
    *corner_calls_elementwise.CALLS,
    *corner_calls_losses.CALLS,
    *corner_calls_losses.TYPES,
)

SMALL_PRODUCTS = (
    "PyTorch's own code of small products multiplies NaN by 0, BLAS leaves both out; ours leaves them out"
)
UNSORTED = "PyTorch's CPU code sorts NaN by `<`, which leaves it where it stood; ours sorts it last"
FINITE = "PyTorch's exp overflows; ours is the finite loss"
# the beginning of a call -> why it is another one here
OTHER = {
    "torch.baddbmm(t([[[1.,inf],[1.,2.]]]), t([[[nan,2.],[3.,4.]]]), t([[[1.,2.],[3.,4.]]]), alpha=0": SMALL_PRODUCTS,
    "t([nan,1.,2.]).mode()": UNSORTED,
    "t([nan,nan,1.,2.]).mode()": UNSORTED,
    "t([1.,nan,nan,1.,2.]).mode()": UNSORTED,
    "t([nan,nan,nan,nan]).nanmedian(0)": "which of equal elements is taken is open",
    "t([[nan,1.],[nan,nan],[nan,2.],[nan,nan]]).nanmedian(0)": "which of equal elements is taken is open",
    "torch.addcdiv(t([1.,2.]), t([1,2]), t([1,2]))": "PyTorch refuses what it may once divide exactly, as here",
    "F.soft_margin_loss(torch.tensor([inf,-inf,1000.,-1000.])": FINITE,
    "torch.pow(t([True,False]), True)": "PyTorch takes exponents of 0 and 1 only",
    "t([1,2]).round(decimals=0)": "PyTorch refuses decimals of whole numbers, 0 among them",
    "t([0+0j,3+4j,nan+1j,inf+1j]).sgn()": "PyTorch divides infinity by infinity",
    "torch.polygamma(1,t([0.,-1.,-1.5]))": "PyTorch's 1 / sin^2 at a pole is large but finite",
    "torch.var_mean(t([inf,1.]))": "PyTorch's running mean makes NaN of infinity, its mean does not",
    "F.gelu(t([inf,-inf,nan]))": "PyTorch's vector code gives NaN at infinity, its scalar code infinity",
}
# of the simulated GPU -> why
OTHER_THERE = {
    **dict.fromkeys(
        (
            "F.binary_cross_entropy(torch.tensor([nan])",
            "F.binary_cross_entropy(torch.tensor([.5]), torch.tensor([",
        ),
        "a kernel raises nothing: NaN",
    ),
    **dict.fromkeys(("t([3,0])//0", "t([3,0])%0", "torch.fmod(t([3,0]),0)"), "a kernel raises nothing"),
}


def differs(call: str, device: str) -> str:
    """Why a call is not held to PyTorch's, if it is not."""
    rows = OTHER if device == "cpu" else {**OTHER, **OTHER_THERE}
    return next((why for start, why in rows.items() if call.startswith(start)), "")


def ours(call: str, device: str) -> Any:
    tritonnn.set_default_device(device)
    try:
        return outcome(tritonnn, call, device)
    finally:
        tritonnn.set_default_device(None)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("call", CALLS)
def test_call(call: str, device: str) -> None:
    got, wanted = ours(call, device), outcome(reference, call)
    if not differs(call, device):
        same(got, wanted)
        return
    with pytest.raises(AssertionError):  # a row that nothing needs has to go
        same(got, wanted)


def test_rows_are_of_calls() -> None:
    for start, why in {**OTHER, **OTHER_THERE}.items():
        assert why and any(call.startswith(start) for call in CALLS), start
