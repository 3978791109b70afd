"""cuFFT behind Fourier transforms of GPU tensors, held to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from fake_nvmath import cufft
from matrices import KINDS, close, gpu, numbers, on_host

import tritonnn as torch
from tritonnn.runtime.interface import runtime

L = torch.linalg


AXES = ((8,), (-1,)), ((3, 5), (0,)), ((2, 3, 5), (1,)), ((2, 3, 5), (0, 2)), ((2, 3, 4, 5), (0, 1, 2, 3)), (
    (3, 1, 4), (1, 2)), ((2, 3, 2, 3, 2), (4, 2, 0, 1, 3)), ((4, 6, 5), (2, 0))  # fmt: skip


@pytest.mark.parametrize("norm", ("backward", "ortho", "forward"))
@pytest.mark.parametrize(("shape", "dims"), AXES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_transforms_of_all_frequencies(kind, shape, dims, norm):
    x = numbers(*shape, kind=kind)
    close(torch.fft.fftn(gpu(x), dim=dims, norm=norm), np.fft.fftn(x, axes=dims, norm=norm), kind)
    close(torch.fft.ifftn(gpu(x), dim=dims, norm=norm), np.fft.ifftn(x, axes=dims, norm=norm), kind)


@pytest.mark.parametrize("norm", ("backward", "ortho", "forward"))
@pytest.mark.parametrize(("shape", "dims"), AXES)
@pytest.mark.parametrize("kind", (torch.float32, torch.float64), ids=str)
def test_transforms_of_real_numbers(kind, shape, dims, norm):
    x = numbers(*shape, kind=kind)
    half = np.fft.rfftn(x, axes=dims, norm=norm)
    close(torch.fft.rfftn(gpu(x), dim=dims, norm=norm), half, kind)
    sizes = [shape[d] for d in dims]
    given = gpu(half.astype(np.result_type(kind.np, np.complex64)))
    kept = on_host(given).copy()
    close(torch.fft.irfftn(given, sizes, dim=dims, norm=norm), x, kind)
    np.testing.assert_array_equal(on_host(given), kept)  # cuFFT writes over what it is given
    if len(dims) == 1:
        close(torch.fft.ihfft(gpu(x), dim=dims[0], norm=norm), _ihfft(x, dims[0], norm), kind)
        back = torch.fft.hfft(given, sizes[0], dim=dims[0], norm=norm)
        close(back, _hfft(half, sizes[0], dims[0], norm), kind)


def _ihfft(x, axis, norm):
    return np.moveaxis(np.fft.ihfft(np.moveaxis(x, axis, -1), norm=norm), -1, axis)


def _hfft(x, n, axis, norm):
    return np.moveaxis(np.fft.hfft(np.moveaxis(x, axis, -1), n, norm=norm), -1, axis)


@pytest.mark.parametrize("form", (
    lambda x: x.transpose(0, 2), lambda x: x[:, 1:, ::2], lambda x: x[1:].permute(2, 0, 1), lambda x: x.flip(0),
    lambda x: x[:, :1].expand(-1, 3, -1), lambda x: x[..., 1:],
    lambda x: x.reshape(-1)[:105].reshape(3, 5, 7)[..., ::2],
))  # fmt: skip
@pytest.mark.parametrize("kind", (torch.float32, torch.complex128), ids=str)
def test_any_strides(kind, form):
    x = form(gpu(numbers(4, 5, 6, kind=kind)))
    for dims in ((0,), (1,), (2,), (0, 1), (0, 2), (2, 1, 0)):
        close(torch.fft.fftn(x, dim=dims), np.fft.fftn(on_host(x), axes=dims), kind)
        if not kind.is_complex:
            close(torch.fft.rfftn(x, dim=dims), np.fft.rfftn(on_host(x), axes=dims), kind)


def test_into_given_memory():
    x = numbers(4, 6, kind=torch.complex64)
    out = torch.empty(6, 4, dtype=torch.complex64, device="cuda").T
    torch.fft.fft(gpu(x), out=out)
    close(out, np.fft.fft(x), torch.complex64)


def test_nothing_to_transform():
    assert torch.fft.fft(torch.ones(0, 4, device="cuda")).shape == (0, 4)
    x = numbers(3)
    close(torch.fft.fftn(gpu(x), dim=()), x)


def test_gradients_of_transforms():
    x = gpu(numbers(3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: torch.view_as_real(torch.fft.rfft2(x)), (x,), eps=1e-5)
    z = gpu(numbers(3, 4, kind=torch.complex128)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: torch.fft.irfft2(torch.fft.fft2(z)), (z,), eps=1e-5)


def test_short_time_transforms():
    x = numbers(2, 40)
    window = torch.hann_window(8, dtype=torch.float64)
    expected = torch.stft(torch.from_numpy(x), 8, 4, window=window, return_complex=True)
    found = torch.stft(gpu(x), 8, 4, window=window.cuda(), return_complex=True)
    close(found, on_host(expected))
    close(torch.istft(found, 8, 4, window=window.cuda()), x)


def test_kept_plans(called):
    cache = torch.backends.cuda.cufft_plan_cache
    assert cache.size == 0 and cache.max_size == 4096
    x = gpu(numbers(3, 8, kind=torch.complex64))
    torch.fft.fft(x)
    torch.fft.ifft(x)
    torch.fft.fft(x + 1)
    assert cache.size == cache[0].size == cache["cuda:0"].size == 1 and called.count("create") == 1
    torch.fft.fft(x, dim=0)
    assert cache.size == 2
    cache.max_size = 1
    assert cache[torch.device("cuda")].size == 1 and len(cufft.plans) == 1
    torch.fft.fft(x, dim=0)  # the one used last was kept
    assert called.count("create") == 2
    torch.fft.fft(x)
    assert called.count("create") == 3 and cache.size == 1
    cache.clear()
    assert cache.size == 0 and not cufft.plans
    cache.max_size = 0
    close(torch.fft.fft(x), np.fft.fft(on_host(x)), torch.complex64)
    assert cache.size == 0 and not cufft.plans


def test_what_the_cache_refuses():
    cache = torch.backends.cuda.cufft_plan_cache
    with pytest.raises(RuntimeError, match="size is a read-only property"):
        cache.size = 3
    with pytest.raises(RuntimeError, match="must be non-negative, but got -1"):
        cache[0].max_size = -1
    with pytest.raises(TypeError, match="must be an int, got float"):
        cache.max_size = 1.5
    count = torch.cuda.device_count()
    with pytest.raises(
        RuntimeError, match=f"expected 0 <= device index < {count}, but got device with index {count}"
    ):
        cache[count]
    with pytest.raises(ValueError, match="expected a cuda device, but got: cpu"):
        cache["cpu"]


def test_a_status_is_an_error(monkeypatch, called):
    monkeypatch.setattr(cufft, "TYPES", {})
    with pytest.raises(
        RuntimeError, match="cuFFT error: CUFFT_INVALID_TYPE, when calling `make_plan_many64`"
    ):
        torch.fft.fft(torch.ones(3, device="cuda"))
    assert not cufft.plans


def test_streams_and_graphs():
    x = gpu(numbers(4, 40, 40))
    A = x @ x.mT + 40 * torch.eye(40, dtype=x.dtype, device="cuda")
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        first = torch.fft.fft(x)
        torch.linalg.cholesky_ex(A)
    torch.cuda.current_stream().wait_stream(stream)
    close(first, np.fft.fft(on_host(x)))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        spectrum = torch.fft.rfft(x)
        factor, info = torch.linalg.cholesky_ex(A)
    x.mul_(2)
    A.mul_(4)
    torch.backends.cuda.cufft_plan_cache.clear()
    assert len(cufft.plans) == int(runtime().simulated)  # the graph's own
    graph.replay()
    close(spectrum, np.fft.rfft(on_host(x)))
    close(factor, np.linalg.cholesky(on_host(A)))
    assert not on_host(info).any()
