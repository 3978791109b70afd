"""Layers, optimizers, schedules and scalers made with wrong values: what PyTorch refuses is refused, by its exceptions.

Refused may also be the first call: what a constructor takes and cannot compute with counts as refused there.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch as reference

import tritonnn as torch

VALUES = (-1, 0, 1.5, "a", None)
#: what constructors without defaults are given
REQUIRED: dict[str, Any] = {
    "in_features": 2, "out_features": 2, "in_channels": 2, "out_channels": 2, "kernel_size": 2, "num_features": 2,
    "normalized_shape": 2, "num_groups": 1, "num_channels": 2, "input_size": 2, "hidden_size": 2, "num_embeddings": 3,
    "embedding_dim": 2, "embed_dim": 2, "num_heads": 1, "d_model": 2, "nhead": 1, "output_size": 2, "padding": 1,
    "groups": 1, "upscale_factor": 2, "downscale_factor": 2, "size": 2, "in1_features": 2, "in2_features": 2,
    "threshold": 0.5, "value": 0.5, "dim": 1, "unflattened_size": (1, 2), "n_classes": 5, "cutoffs": [2],
    "norm_type": 2.0,
}  # fmt: skip
SCHEDULERS: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 2}, "MultiStepLR": {"milestones": [1, 2]}, "ConstantLR": {}, "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9}, "CosineAnnealingLR": {"T_max": 3}, "PolynomialLR": {},
    "LambdaLR": {"lr_lambda": lambda t: 1.0}, "MultiplicativeLR": {"lr_lambda": lambda t: 1.0},
    "CosineAnnealingWarmRestarts": {"T_0": 2}, "OneCycleLR": {"max_lr": 0.1, "total_steps": 10},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.2, "cycle_momentum": False}, "ReduceLROnPlateau": {},
}  # fmt: skip
LEFT_OUT = {"Module", "DataParallel", "Container", "RNNBase", "RNNCellBase", "TransformerEncoder", "TransformerDecoder",
            "Transformer", "SyncBatchNorm"}  # fmt: skip


def layer(library: Any, name: str, given: dict[str, Any]) -> None:
    made = getattr(library.nn, name)(**given)
    x = library.full((2, 2, 6) if name.endswith("1d") else (2, 2), 0.5)
    made(x, x) if "Loss" in name else made(x)


def optimizer(library: Any, name: str, given: dict[str, Any]) -> None:
    p = library.ones(2, 2, requires_grad=True)
    p.grad = library.ones(2, 2)
    made = getattr(library.optim, name)([p], **given)
    for _ in range(2):
        made.step(*([lambda: (p**2).sum()] if name == "LBFGS" else []))


def schedule(library: Any, name: str, given: dict[str, Any]) -> None:
    sgd = library.optim.SGD([library.ones(1, requires_grad=True)], lr=0.1, momentum=0.9)
    made = getattr(library.optim.lr_scheduler, name)(sgd, **given)
    for _ in range(3):
        sgd.step()
        made.step(*([1.0] if name == "ReduceLROnPlateau" else []))


def scaler(library: Any, name: str, given: dict[str, Any]) -> None:
    w = library.ones(2, requires_grad=True)
    sgd, made = library.optim.SGD([w], lr=0.1), library.amp.GradScaler(**given)
    made.scale(w.sum()).backward()
    made.step(sgd)
    made.update()


def cases() -> Iterator[tuple[str, Callable[..., None], dict[str, Any], list[str]]]:
    """What is made, how, what it needs, and the arguments that are varied."""
    for name in sorted(dir(reference.nn)):
        cls = getattr(reference.nn, name)
        if not (inspect.isclass(cls) and issubclass(cls, reference.nn.Module)) or name in LEFT_OUT:
            continue
        if name.endswith(("2d", "3d")):
            continue
        known = list(inspect.signature(cls.__init__).parameters.values())[1:]
        named = [p for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        needed = [p.name for p in named if p.default is p.empty]
        if name in ("RNN", "LSTM", "GRU"):
            needed = ["input_size", "hidden_size"]
            varied = [*needed, "num_layers", "bias", "batch_first", "dropout", "bidirectional"]
        else:
            varied = [p.name for p in named]
        if set(needed) <= set(REQUIRED):
            yield name, layer, {n: REQUIRED[n] for n in needed}, varied
    for name in reference.optim.__all__:
        cls = getattr(reference.optim, name)
        if inspect.isclass(cls) and name not in ("Optimizer", "SparseAdam"):
            yield name, optimizer, {}, list(inspect.signature(cls.__init__).parameters)[2:]
    for name, given in SCHEDULERS.items():
        cls = getattr(reference.optim.lr_scheduler, name)
        yield name, schedule, given, list(inspect.signature(cls.__init__).parameters)[2:]
    yield (
        "GradScaler",
        scaler,
        {"device": "cpu"},
        list(inspect.signature(reference.amp.GradScaler).parameters),
    )


def outcome(run: Callable[..., None], *given: Any) -> str:
    try:
        run(*given)
    except Exception as error:
        return type(error).__name__
    return "runs"


CASES = {name: rest for name, *rest in cases()}
# Both refuse; here the message names the argument and what came, where PyTorch fails on the way with what Python says.
_OTHER_TYPE = """
    Adam.betas AdamW.betas AdaptiveAvgPool1d.output_size AdaptiveMaxPool1d.output_size Bilinear.in1_features
    CircularPad1d.padding ConvTranspose1d.padding CosineAnnealingWarmRestarts.T_0
    CosineAnnealingWarmRestarts.T_mult CrossMapLRN2d.alpha CrossMapLRN2d.beta CrossMapLRN2d.k CrossMapLRN2d.size
    Embedding.norm_type EmbeddingBag.include_last_offset EmbeddingBag.mode EmbeddingBag.norm_type
    LayerNorm.normalized_shape LazyConv1d.out_channels LazyConvTranspose1d.out_channels LazyConvTranspose1d.padding
    LocalResponseNorm.alpha
    LocalResponseNorm.beta LocalResponseNorm.k LocalResponseNorm.size MultiLabelSoftMarginLoss.reduction
    OneCycleLR.pct_start OneCycleLR.total_steps PoissonNLLLoss.reduction RMSNorm.normalized_shape
    ReduceLROnPlateau.mode ReduceLROnPlateau.threshold_mode ReflectionPad1d.padding Rprop.step_sizes
    Unfold.padding Upsample.align_corners Upsample.mode Upsample.recompute_scale_factor Upsample.size
"""
OTHER_TYPE = frozenset(_OTHER_TYPE.split())
FLAG = "text is no truth value here"
#: (what is made, argument, value) -> why one runs and the other does not
OTHER: dict[tuple[str, str, Any], str] = {
    **{
        (name, "inplace", "a"): FLAG
        for name in ("AlphaDropout", "Dropout", "Dropout1d", "FeatureAlphaDropout", "RReLU")
    },
    **{(name, "return_indices", "a"): FLAG for name in ("AdaptiveMaxPool1d", "MaxPool1d")},
    **{
        (name, "out_channels", 0): "nothing is a result, as of Conv1d"
        for name in ("ConvTranspose1d", "LazyConvTranspose1d")
    },
    **{
        ("PoissonNLLLoss", "full", value): "a number is a truth value, as for GaussianNLLLoss"
        for value in VALUES
    },
    (
        "CrossEntropyLoss",
        "label_smoothing",
        -1,
    ): "PyTorch does not look at it for probabilities",
    ("LBFGS", "max_iter", 1.5): "a number of iterations is whole",
}


def excepted(name: str, argument: str, value: Any, runs: bool) -> bool:
    if not runs:
        return f"{name}.{argument}" in OTHER_TYPE
    return any((name, argument) == key[:2] and value is key[2] for key in OTHER)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_what_is_refused(name: str) -> None:
    run, base, varied = CASES[name]
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for argument in varied:
            for value in VALUES if argument not in ("device", "dtype") else ():
                got, wanted = (
                    outcome(run, library, name, {**base, argument: value}) for library in (torch, reference)
                )
                if got != wanted and not excepted(name, argument, value, "runs" in (got, wanted)):
                    wrong.append(f"{argument}={value!r}: {got}, PyTorch: {wanted}")
    assert not wrong, "\n".join(wrong)
