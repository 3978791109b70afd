"""torch.fft, stft, istft and the windows on the calls of PyTorch's own table of operators."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference
from function_samples import compare, compare_errors, compare_gradients, compare_out, entries, label, outcome

import tritonnn as torch

TRANSFORMS = entries("fft")
ALL = entries("fft", "signal", "stft", "istft")
TYPES = (
    reference.float32, reference.float64, reference.complex64, reference.complex128, reference.int64,
    reference.int8, reference.uint8, reference.bool,
)  # fmt: skip


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("entry", ALL, ids=label)
def test_values(entry, dtype):
    if not entry.supports_dtype(dtype, "cpu"):
        pytest.skip("PyTorch has it not of this type")
    assert compare(entry, dtype, scale=True)


@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("dtype", [reference.float64, reference.complex128], ids=str)
@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.supports_autograd], ids=label)
def test_gradients(entry, dtype, again):
    if not entry.supports_dtype(dtype, "cpu"):
        pytest.skip("PyTorch has it not of this type")
    assert compare_gradients(entry, dtype, again) or entry.name.startswith("signal")


@pytest.mark.parametrize("entry", [entry for entry in TRANSFORMS if entry.supports_out], ids=label)
def test_out(entry):
    assert compare_out(entry, reference.float32)


@pytest.mark.parametrize("entry", ALL, ids=label)
def test_errors(entry):
    compare_errors(entry)


BAD = {
    "nothing": lambda lib: lib.fft.fft(lib.ones(0)),
    "nothing, real": lambda lib: lib.fft.rfft(lib.ones(0)),
    "a length of 0": lambda lib: lib.fft.fft(lib.ones(3), 0),
    "a length of -1": lambda lib: lib.fft.fft(lib.ones(3), -1),
    "no dimension": lambda lib: lib.fft.fft(lib.ones(())),
    "no dimension of several": lambda lib: lib.fft.rfftn(lib.ones(())),
    "dims twice": lambda lib: lib.fft.fftn(lib.ones(3, 3), dim=(0, -2)),
    "lengths of other dims": lambda lib: lib.fft.fftn(lib.ones(3, 3), s=(3,), dim=(0, 1)),
    "too many lengths": lambda lib: lib.fft.fftn(lib.ones(3), s=(3, 3)),
    "norm": lambda lib: lib.fft.fft(lib.ones(3), norm="none"),
    "half": lambda lib: lib.fft.fft(lib.ones(4, dtype=lib.float16)),
    "bfloat16": lambda lib: lib.fft.rfft(lib.ones(4, dtype=lib.bfloat16)),
    "complex": lambda lib: lib.fft.rfft(lib.ones(4, dtype=lib.complex64)),
    "complex in two": lambda lib: lib.fft.ihfft2(lib.ones(4, 4, dtype=lib.complex64)),
    "one frequency": lambda lib: lib.fft.irfft(lib.ones(1)),
    "dim": lambda lib: lib.fft.fft2(lib.ones(3)),
    "no such dim": lambda lib: lib.fft.fftn(lib.ones(3), dim=(2,)),
    "out of a real type": lambda lib: lib.fft.fft(lib.ones(3), out=lib.ones(3)),
    "out of a complex type": lambda lib: lib.fft.irfft(lib.ones(3), out=lib.ones(4, dtype=lib.complex64)),
    "n of the wrong type": lambda lib: lib.fft.fft(lib.ones(3), 2.5),
    "frequencies of whole numbers": lambda lib: lib.fft.fftfreq(4, dtype=lib.int64),
    "a negative count": lambda lib: lib.fft.rfftfreq(-4),
    "complex frequencies": lambda lib: lib.fft.fftfreq(4, dtype=lib.complex64),
    "pad_mode": lambda lib: lib.stft(lib.ones(20), 8, window=lib.ones(8), pad_mode="x", return_complex=True),
    "no room to reflect": lambda lib: lib.stft(lib.ones(3), 8, window=lib.ones(8), return_complex=True),
    "half in stft": lambda lib: lib.stft(lib.ones(20).half(), 8, window=lib.ones(8).half(), return_complex=True),
    "window length": lambda lib: lib.hann_window(-1),
    "window of whole numbers": lambda lib: lib.hann_window(3, dtype=lib.int64),
    "complex window": lambda lib: lib.hann_window(3, dtype=lib.complex64),
    "signal length": lambda lib: lib.signal.windows.hann(-1),
    "signal dtype": lambda lib: lib.signal.windows.hann(3, dtype=lib.bfloat16),
    "std": lambda lib: lib.signal.windows.gaussian(3, std=0),
    "tau": lambda lib: lib.signal.windows.exponential(3, tau=0),
    "center": lambda lib: lib.signal.windows.exponential(3, center=1),
    "beta": lambda lib: lib.signal.windows.kaiser(3, beta=-1),
    "no coefficients": lambda lib: lib.signal.windows.general_cosine(3, a=[]),
    "a number as coefficients": lambda lib: lib.signal.windows.general_cosine(3, a=1),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_calls(case):
    wanted, got = outcome(lambda: BAD[case](reference)), outcome(lambda: BAD[case](torch))
    assert isinstance(wanted, Exception)
    assert isinstance(got, type(wanted)), f"{got!r}, PyTorch {wanted!r}"


@pytest.mark.parametrize("length", [0, 1, 2, 5, 64])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("name", reference.signal.windows.__all__)
def test_windows_of_signal(name, symmetric, length):
    given = {"a": [0.5, 0.3, 0.2]} if name == "general_cosine" else {}
    wanted, got = (
        getattr(lib.signal.windows, name)(length, sym=symmetric, dtype=lib.float64, **given).numpy()
        for lib in (reference, torch)
    )
    np.testing.assert_allclose(got, wanted, atol=1e-13)


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows_of_torch(name, periodic):
    for length in (0, 1, 2, 5, 64):
        wanted, got = (
            getattr(lib, f"{name}_window")(length, periodic, dtype=lib.float64).numpy()
            for lib in (reference, torch)
        )
        np.testing.assert_allclose(got, wanted, atol=1e-13)


@pytest.mark.parametrize("lengths", [(8, 4, 2), (9, 5, 3), (9, 3, 2)])
def test_align_to_window(lengths):
    n_fft, win_length, hop = lengths
    x = np.cos(np.arange(21.0))
    wanted, got = (
        lib.stft(
            lib.tensor(x), n_fft, hop, win_length, lib.ones(win_length, dtype=lib.float64), False, align_to_window=True,
            return_complex=True,
        ).numpy()
        for lib in (reference, torch)
    )  # fmt: skip
    np.testing.assert_allclose(got, wanted, atol=1e-12)
