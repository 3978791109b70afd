"""Anomaly mode: NaN gradients are refused, and a warning shows where the forward call was made."""

from __future__ import annotations

import re
import warnings

import pytest
from support import leaf

import tritonnn as torch

ENABLED = "Anomaly Detection has been enabled. This mode will increase the runtime"


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise ValueError("mine")


def failing(step, error=RuntimeError, match=".*") -> str:
    """The warning that a failing backward gives, when it is the only one beside that of being switched on."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(error, match=match), torch.autograd.detect_anomaly():
            step()
    switched, failed = [str(w.message) for w in seen]
    assert switched.startswith(ENABLED) and {w.filename for w in seen} == {__file__}
    return failed


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_nan_of_a_formula(device):
    x = torch.zeros(1, device=device, requires_grad=True)

    def step():
        y = (x / x).sum()  # forward
        y.backward()

    text = failing(step, match=re.escape("Function 'DivBackward0' returned nan values in its 1th output."))
    assert text.startswith("Error detected in DivBackward0. Traceback of forward call that caused the error:")
    assert "y = (x / x).sum()  # forward" in text and "tritonnn/dispatch" not in text
    assert "y.backward()" not in text


class HalfNan(Broken):
    @staticmethod
    def backward(ctx, g):
        return torch.complex(torch.ones(1), torch.full((1,), float("nan")))


def test_nan_in_the_imaginary_part():
    x = torch.tensor([1j], requires_grad=True)
    step = lambda: HalfNan.apply(x).real.sum().backward()
    assert "HalfNanBackward" in failing(step, match="HalfNanBackward' returned nan values in its 0th")


def test_forward_outside_the_block():
    y = (leaf(0.0) / leaf(0.0)).sum()
    text = failing(y.backward)
    assert text.endswith(
        "No forward pass information available. Enable detect anomaly during forward pass for more information."
    )


def test_error_of_a_function():
    x = leaf(1.0)
    text = failing(lambda: Broken.apply(x).sum().backward(), ValueError, "^mine$")
    assert (
        text.startswith("Error detected in BrokenBackward. Traceback of forward call")
        and "Broken.apply(x)" in text
    )


def test_what_induced_a_calculation():
    """The failing node was made by the backward of another, whose forward call is shown as well."""

    def inner():
        a = leaf(4.0)
        (g,) = torch.autograd.grad(a.sqrt().sum(), a, create_graph=True)  # outer call
        g.register_hook(lambda grad: grad * float("nan"))
        g.sum().backward()

    text = failing(inner)
    cause, _, before = text.partition("\n\nPrevious calculation was induced by SqrtBackward0. ")
    assert before.startswith("Traceback of forward call that induced the previous calculation:")
    assert "# outer call" in before and "# outer call" in cause


def test_nan_may_pass():
    x = leaf(0.0)
    with pytest.warns(UserWarning, match=ENABLED), torch.autograd.detect_anomaly(check_nan=False):
        assert torch.is_anomaly_enabled() and not torch.is_anomaly_check_nan_enabled()
        (x / x).sum().backward()
    assert x.grad.isnan().all()


def test_switch_as_function_and_block():
    assert not torch.is_anomaly_enabled()
    with torch.autograd.set_detect_anomaly(True):
        assert torch.autograd.is_anomaly_enabled()
        with torch.autograd.set_detect_anomaly(False):
            assert not torch.is_anomaly_enabled()
        assert torch.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    try:
        assert torch.is_anomaly_enabled() and not torch.is_anomaly_check_nan_enabled()
    finally:
        torch.autograd.set_detect_anomaly(False)
    assert torch.is_anomaly_check_nan_enabled() and not torch.is_anomaly_enabled()
    with pytest.raises(TypeError, match=r"argument 'enabled' \(position 1\) must be bool, not int"):
        torch.autograd.set_detect_anomaly(1)
