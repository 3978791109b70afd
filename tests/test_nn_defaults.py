"""What layers and losses do where nothing is said: PyTorch's defaults, as attributes."""

from __future__ import annotations

import pytest

import tritonnn as torch

nn = torch.nn


@pytest.mark.parametrize(
    ("layer", "defaults"),
    [
        (lambda: nn.BatchNorm1d(1), {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}),
        (lambda: nn.InstanceNorm2d(1), {"eps": 1e-5, "momentum": 0.1, "affine": False, "track_running_stats": False}),
        (lambda: nn.LayerNorm(1), {"eps": 1e-5, "elementwise_affine": True}),
        (lambda: nn.RMSNorm(1), {"eps": None, "elementwise_affine": True}),
        (lambda: nn.GroupNorm(1, 1), {"eps": 1e-5, "affine": True}),
        (lambda: nn.LocalResponseNorm(1), {"alpha": 1e-4, "beta": 0.75, "k": 1.0}),
        (lambda: nn.Dropout(), {"p": 0.5, "inplace": False}), (lambda: nn.AlphaDropout(), {"p": 0.5}),
        (lambda: nn.LeakyReLU(), {"negative_slope": 0.01}), (lambda: nn.ELU(), {"alpha": 1.0}),
        (lambda: nn.Softplus(), {"beta": 1.0, "threshold": 20.0}), (lambda: nn.Softshrink(), {"lambd": 0.5}),
        (lambda: nn.Hardtanh(), {"min_val": -1.0, "max_val": 1.0}), (lambda: nn.GELU(), {"approximate": "none"}),
        (lambda: nn.Conv2d(1, 1, 3), {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}),
        (lambda: nn.MaxPool2d(3), {"stride": 3, "padding": 0, "dilation": 1, "ceil_mode": False}),
        (lambda: nn.AvgPool2d(3), {"stride": 3, "padding": 0, "count_include_pad": True}),
        (lambda: nn.CrossEntropyLoss(), {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}),
        (lambda: nn.SmoothL1Loss(), {"beta": 1.0, "reduction": "mean"}), (lambda: nn.HuberLoss(), {"delta": 1.0}),
        (lambda: nn.TripletMarginLoss(), {"margin": 1.0, "p": 2.0, "eps": 1e-6}),
        (lambda: nn.CosineSimilarity(), {"dim": 1, "eps": 1e-8}), (lambda: nn.PairwiseDistance(), {"norm": 2.0}),
    ],
)  # fmt: skip
def test_what_nothing_is_said_about(layer, defaults):
    module = layer()
    assert {name: getattr(module, name) for name in defaults} == defaults
