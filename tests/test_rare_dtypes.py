"""complex32, float8 without infinities, powers of 2, and bytes that stand for no numbers: by their definitions."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import dtypes

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def fnuz(mantissa: int, bias: int) -> Iterator[float]:
    """The numbers of all codes, by the definition of the format."""
    for code in range(256):
        exponent, fraction = (code & 0x7F) >> mantissa, code & ((1 << mantissa) - 1)
        size = fraction * 2.0 ** (1 - bias - mantissa)
        if exponent:
            size = (1 + fraction / (1 << mantissa)) * 2.0 ** (exponent - bias)
        yield float("nan") if code == 0x80 else -size if code & 0x80 else size


NUMBERS = {
    "float8_e4m3fnuz": list(fnuz(3, 8)),
    "float8_e5m2fnuz": list(fnuz(2, 16)),
    "float8_e8m0fnu": [*(2.0 ** (code - 127) for code in range(255)), float("nan")],
}


@DEVICES
@pytest.mark.parametrize("name", NUMBERS)
def test_all_codes(name: str, device: str) -> None:
    codes = torch.arange(256, dtype=torch.uint8).to(device).view(getattr(torch, name))
    np.testing.assert_array_equal(codes.to(torch.float32).cpu().numpy(), np.array(NUMBERS[name], np.float32))
    back = codes.to(torch.float32).to(codes.dtype)
    assert back.view(torch.uint8).tolist() == list(range(256))


@DEVICES
@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_rounding_to_the_nearest(name: str, device: str) -> None:
    """Of two neighbours the nearer one, of ties the even one; NaN from halfway beyond the last on."""
    sizes = sorted(n for n in NUMBERS[name] if n >= 0)
    steps = [(a, b, (a + b) / 2) for a, b in itertools.pairwise(sizes)]
    values = [
        v
        for a, b, m in steps
        for v in (m, np.nextafter(np.float32(m), np.float32(0)), np.nextafter(np.float32(m), np.float32(1e9)))
    ]
    wanted = [v for k, (a, b, m) in enumerate(steps) for v in (b if k % 2 else a, a, b)]
    top = sizes[-1] + (sizes[-1] - sizes[-2]) / 2
    values += [float(np.nextafter(np.float32(top), np.float32(0))), top, -top, float("inf"), -0.0]
    wanted += [sizes[-1], float("nan"), float("nan"), float("nan"), 0.0]
    got = torch.tensor(values, dtype=torch.float32, device=device).to(getattr(torch, name)).float()
    np.testing.assert_array_equal(got.cpu().numpy(), np.array(wanted, np.float32))


@DEVICES
def test_powers_of_2(device: str) -> None:
    """The nearer by the exponent's rounding at 1.5, without a sign; the smallest for what is smaller."""
    values = [
        1.0,
        1.49,
        1.5,
        -2.9,
        3.0,
        0.0,
        1e-45,
        2.0**-127,
        1.2 * 2.0**-127,
        2.0**127,
        1.5 * 2.0**127,
        float("nan"),
    ]
    wanted = [127, 127, 128, 128, 129, 0, 0, 0, 1, 254, 255, 255]
    got = torch.tensor(values, dtype=torch.float32, device=device).to(torch.float8_e8m0fnu).view(torch.uint8)
    assert got.tolist() == wanted


@DEVICES
def test_half_complex(device: str) -> None:
    """Computed in complex64 and rounded once."""
    a = np.array([1.5 + 2j, -3 + 0.25j, 1e-3 - 7j], np.complex64)
    x = torch.from_numpy(a).to(device).chalf()
    held = np.array(x.tolist(), np.complex64)
    assert x.dtype is torch.complex32 and x.element_size() == 4 and x.real.dtype is torch.float16

    def rounded(values: Any) -> list[complex]:
        return (values.real.astype(np.float16) + 1j * values.imag.astype(np.float16)).tolist()

    for got, wanted in ((x * x, held * held), (x + 1j, held + 1j), (x - x.conj(), held - held.conj())):
        assert got.dtype is torch.complex32 and got.tolist() == rounded(wanted)
    assert x.abs().tolist() == np.abs(held).astype(np.float16).tolist()
    y = x.clone().mul_(2)
    assert y.tolist() == rounded(held * 2) and (x * x.cfloat()).dtype is torch.complex64
    with pytest.raises(NotImplementedError, match="exp: not implemented for complex32"):
        x.exp()
    leaf = x.clone().requires_grad_()
    (leaf * leaf).abs().float().sum().backward()
    assert leaf.grad.dtype is torch.complex32
    np.testing.assert_allclose(leaf.grad.tolist(), 2 * held, rtol=2e-2)


@pytest.mark.parametrize("name", [d.name for d in dtypes.SHELLS])
def test_bytes(name: str) -> None:
    kind = getattr(torch, name)
    x = torch.arange(8, dtype=torch.uint8).view(kind)
    assert x.view(torch.uint8).tolist() == list(range(8)) and x.element_size() == kind.itemsize == x.itemsize
    assert pickle.loads(pickle.dumps(x)).view(torch.uint8).tolist() == list(range(8))
    for call in (lambda: x + x, lambda: x.sum(), lambda: x.to(torch.float32), lambda: x.fill_(1), lambda: x[0].item(),
                 lambda: torch.ones(2).to(kind), lambda: torch.ones(2, dtype=kind)):  # fmt: skip
        with pytest.raises(NotImplementedError, match=name):
            call()
    with pytest.raises(RuntimeError, match=name):
        torch.tensor([1], dtype=kind)
    with pytest.raises(TypeError, match=name):
        x.numpy()


def test_records() -> None:
    kind = torch.return_types.max
    values = torch.tensor([[1.0, 5.0], [2.0, 3.0]]).max(0)
    assert type(values) is kind and values.indices.tolist() == [1, 0] and kind.n_fields == 2
    assert type(pickle.loads(pickle.dumps(values))) is kind


def test_branches_and_loops() -> None:
    assert torch.cond(torch.tensor(False), lambda x: x, lambda x: -x, (torch.ones(1),)).tolist() == [-1.0]
    steps = torch.while_loop(lambda i: i < 5, lambda i: (i + 2,), (torch.tensor(0),))
    assert steps[0].item() == 6
    with pytest.raises(RuntimeError, match="boolean scalar tensor"):
        torch.while_loop(lambda i: i, lambda i: (i,), (torch.tensor(0),))
    with pytest.raises(RuntimeError, match="as many values"):
        torch.while_loop(lambda i: i < 1, lambda i: (i, i), (torch.tensor(0),))
    with pytest.raises(RuntimeError, match=r"torch\.linalg\.solve"):
        torch.solve(torch.eye(2), torch.eye(2))


@DEVICES
def test_fake_quantize(device: str) -> None:
    x = torch.tensor([0.3, 0.375, 9.0, -1.0], device=device, requires_grad=True)
    y = torch.fake_quantize_per_tensor_affine(x, 0.25, 1, 0, 7)
    assert y.tolist() == [0.25, 0.5, 1.5, -0.25]
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0, 0.0]
