"""Numbers for two dimensions, where there are neither one nor two of them."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn.vision import ops


@pytest.mark.parametrize("name", ["roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"])
@pytest.mark.parametrize("size", [(2, 2, 2), (2,), []])
def test_an_output_size_of_other_than_two_is_named(name, size):
    with pytest.raises(ValueError, match="output_size must be one number or two"):
        getattr(ops, name)(torch.ones(1, 4, 4, 4), torch.tensor([[0.0, 0, 0, 2, 2]]), size)


@pytest.mark.parametrize("argument", ["stride", "padding", "dilation"])
def test_so_are_numbers_of_a_deformed_convolution(argument):
    given = torch.ones(1, 2, 5, 5), torch.ones(1, 18, 3, 3), torch.ones(2, 2, 3, 3)
    with pytest.raises(ValueError, match=f"{argument} must be one number or two"):
        ops.deform_conv2d(*given, **{argument: (1, 1, 1)})
