"""grid_sample at places that no image has."""

from __future__ import annotations

import pytest

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
