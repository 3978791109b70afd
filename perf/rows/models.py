"""Whole training steps: GPT-2 small and ResNet-50 in bfloat16 by autocast, op by op and captured in a graph.

torch.compile takes part in the rows where it has a chance: its time stands beside the same one of tritonnn's. The row
that a goal is set for compares tritonnn's captured step with PyTorch's op by op.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import _models
from _goals import Goal
from _rows import Call, row

TOKENS, IMAGES = 16, 128  # sequences, and images, of a batch
WARM_UP = 3  # steps before the first that is looked at: a capture needs them, and the others are to be at the same one
LITTLE = 1e-6  # a learning rate that leaves the gradients of the first steps what they are, but for rounding
SHOWN = 12  # parameters whose gradients are compared


def _gpt2(lib: Any, make: Any) -> tuple[Any, tuple, Any]:
    sizes = _models.TINY_GPT2 if make.cap else _models.GPT2
    model = make.fill(_models.gpt2(lib, **sizes), "float32")
    batch = 2 if make.cap else TOKENS
    inputs = tuple(make.int(batch, sizes["context"], low=0, high=sizes["vocabulary"]) for _ in range(2))
    options = {"fused": True, "capturable": True} if make.device == "cuda" else {}
    return model, inputs, lib.optim.AdamW(model.parameters(), lr=LITTLE, weight_decay=0.1, **options)


def _resnet(lib: Any, make: Any) -> tuple[Any, tuple, Any]:
    sizes = _models.TINY_RESNET if make.cap else _models.RESNET50
    model = make.fill(_models.resnet(lib, **sizes), "float32").to(memory_format=lib.channels_last)
    batch = 4 if make.cap else IMAGES
    images = make(batch, 3, 224, 224, dtype="float32")
    if make.cap:  # statistics of a few values only would make noise of any rounding
        images = images.repeat(1, 1, 32 // make.cap, 32 // make.cap)
    images = images.contiguous(memory_format=lib.channels_last)
    inputs = images, make.int(batch, low=0, high=sizes["classes"])
    return model, inputs, lib.optim.SGD(model.parameters(), lr=LITTLE, momentum=0.9, weight_decay=1e-4)


def _captured(lib: Any, step: Callable[[], Any]) -> Callable[[], Any]:
    """The step as a graph."""
    lib.cuda.synchronize()
    graph = lib.cuda.CUDAGraph()
    with lib.cuda.graph(graph):
        loss = step()

    def replay(_kept: Any = step) -> Any:
        # the graph reads memory that was there before the capture: the optimizer, and so its states, must live on
        graph.replay()
        return loss

    return replay


def _warm_up(lib: Any, make: Any, step: Callable[[], Any]) -> None:
    """Some steps, on a stream of their own as a capture asks for."""
    with contextlib.ExitStack() as stack:
        if make.device == "cuda":
            side = lib.cuda.Stream()
            side.wait_stream(lib.cuda.current_stream())
            stack.enter_context(lib.cuda.stream(side))
        for _ in range(WARM_UP):
            step()
    if make.device == "cuda":
        lib.cuda.current_stream().wait_stream(side)


def _step(build: Callable, captures: Callable[[Any], bool]) -> Callable[[Any, Any], Call]:
    def setup(lib: Any, make: Any) -> Call:
        model, inputs, optimizer = build(lib, make)
        program = make.program(model)
        shown = [p for p in model.parameters() if p.dim() > 1][:SHOWN]

        def step() -> Any:
            optimizer.zero_grad()
            with lib.autocast(make.device, dtype=lib.bfloat16, enabled=not make.wider):
                loss = program(*inputs)
            loss.backward()
            optimizer.step()
            return loss.detach()

        _warm_up(lib, make, step)
        graph = captures(lib) and not make.wider and make.device != "cpu"
        call = _captured(lib, step) if graph else step
        return Call(call, lambda loss: [p.grad for p in shown], changes=True)

    return setup


def _mine(lib: Any) -> bool:
    return lib.__name__ == "tritonnn"


WAYS: dict[str, Callable[[Any], bool]] = {
    "captured, against eager": _mine, "eager": lambda lib: False, "captured": lambda lib: True,
}  # fmt: skip
GPT2_FLOPS = _models.gpt2_flops(TOKENS, **_models.GPT2)
MODELS = (
    ("GPT-2 small", _gpt2, (TOKENS * 1024.0, "tokens"), GPT2_FLOPS, 1.3),
    ("ResNet-50", _resnet, (float(IMAGES), "images"), IMAGES * _models.RESNET50_FLOPS, 1.1),
)
for _name, _build, _items, _flops, _ratio in MODELS:
    for _way, _captures in WAYS.items():
        _against = "against" in _way
        row(
            "model", f"{_name} training step, {_way}", flops=_flops, dtype="bfloat16", devices=("cuda",),
            stage="both", quick=True, compiled=not _against, items=_items, seconds=120.0,
            compare="mean",
            goal=Goal(ratio=_ratio) if _against else None,
        )(_step(_build, _captures))  # fmt: skip
