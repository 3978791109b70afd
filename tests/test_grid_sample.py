"""grid_sample at places that no image has, and in parts."""

from __future__ import annotations

import numpy as np
import pytest
from support import array

import tritonnn as torch

F = torch.nn.functional


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_places_that_are_not_finite(mode, padding, device):
    """They lie outside, or at an edge, as in PyTorch's GPU code; cubic weights of them are NaN."""
    image = torch.arange(1.0, 10, device=device).reshape(1, 1, 3, 3)
    places = torch.tensor([[[[x, 0.0] for x in (float("nan"), float("inf"), -float("inf"))]]], device=device)
    made = F.grid_sample(image, places, mode, padding, False).flatten().tolist()
    if mode == "bicubic":
        assert all(x != x for x in made)
    elif padding == "zeros":
        assert made == [0, 0, 0]
    else:
        assert made == ([4, 6, 4] if padding == "border" else [4, 4, 4])


@pytest.mark.parametrize("padding", ["border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_folded_and_clipped_places_on_both_devices(padding, align):
    """Values, and the slope of the coordinate: turned where folded back, none where clipped."""
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 2, 3, 4, generator=generator)
    places = 6 * torch.rand(1, 4, 5, 2, generator=generator) - 3
    results = []
    for device in ("cpu", "cuda"):
        grid = places.clone().to(device).requires_grad_()
        made = F.grid_sample(image.to(device), grid, "bilinear", padding, align)
        made.sum().backward()
        results.append((made.detach().cpu(), grid.grad.cpu()))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("padding", ["zeros", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_parts_of_the_places_do_not_matter(mode: str, padding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole images in a part, or parts of one image, the last of them short."""
    from tritonnn.cpu_fallback import resampling

    torch.manual_seed(0)
    images, places = torch.randn(5, 2, 6, 7), torch.rand(5, 4, 3, 2) * 2.6 - 1.3

    def outcome() -> list[np.ndarray]:
        image, grid = images.clone().requires_grad_(), places.clone().requires_grad_()
        result = F.grid_sample(image, grid, mode, padding, False)
        (result * torch.arange(result.numel()).reshape(result.shape)).sum().backward()
        return [array(x) for x in (result.detach(), image.grad, grid.grad)]

    whole = outcome()
    for block in (5, 12, 25):
        monkeypatch.setattr(resampling, "BLOCK", block)
        for part, expected in zip(outcome(), whole, strict=True):
            np.testing.assert_array_equal(part, expected)
