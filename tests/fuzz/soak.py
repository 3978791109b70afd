"""Training for a long time: with the cycle collector off, memory and the number of objects stay what they are.

python tests/fuzz/soak.py [--steps 1000] [--device cuda]
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import tritonnn as torch
from tritonnn import nn
from tritonnn.nn import functional as F
from tritonnn.utils.checkpoint import checkpoint

Step = Callable[[], Any]


def cnn(device: str) -> Step:
    """Convolution, BatchNorm, pooling, dropout; SGD with momentum."""
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.1), nn.Linear(64, 5),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    x, y = torch.randn(2, 1, 8, 8, device=device), torch.tensor([1, 3], device=device)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def transformer(device: str) -> Step:
    """Embedding, attention, LayerNorm, clipped gradients, a schedule; AdamW."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(nn.Embedding(11, 8), layer, nn.Linear(8, 11)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
    tokens = torch.arange(10, device=device).reshape(2, 5)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()

    return step


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.note = "an attribute"
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


def functions(device: str) -> Step:
    """A Function of the user's, twice differentiated, and views written in place."""
    w = torch.randn(4, 4, device=device).requires_grad_()

    def step() -> None:
        y = _Cube.apply(w)
        (g,) = torch.autograd.grad(y.sum(), w, create_graph=True)
        z = g * 1
        z[0] += y[1]
        z.view(-1)[3:5].mul_(2)
        z.sum().backward()
        w.grad = None

    return step


def hooks(device: str) -> Step:
    """Hooks of every kind, that come and go."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1)).to(device)
    seen: list[Any] = []

    def step() -> None:
        x = torch.ones(2, 4, device=device, requires_grad=True)
        handles = [
            model[0].register_forward_hook(lambda module, args, result: result * 1),
            model[1].register_forward_pre_hook(lambda module, args: (args[0] * 1,)),
            model[2].register_full_backward_hook(lambda module, given, got: None),
            model[0].register_full_backward_pre_hook(lambda module, got: None),
            x.register_hook(lambda g: g * 2),
            model[0].weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.shape)),
        ]
        y = model(x)
        y.retain_grad()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t.cpu(), lambda t: t.to(device)):
            (y * y).sum().backward()
        for handle in handles:
            handle.remove()
        model.zero_grad()
        seen.clear()

    return step


def recomputed(device: str) -> Step:
    """Checkpointed layers, with and without re-entry."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Tanh()).to(device)

    def step() -> None:
        x = torch.ones(2, 4, device=device, requires_grad=True)
        for reentrant in (False, True):
            checkpoint(model, x, use_reentrant=reentrant).sum().backward()
        model.zero_grad()

    return step


def refused(device: str) -> Step:
    """Calls and backward passes that fail."""
    w = torch.ones(3, device=device, requires_grad=True)
    calls = (
        lambda: w @ torch.ones(4, device=device), lambda: w.add_(1), lambda: w.exp().backward(),
        lambda: torch.cat([w, w[None]]), lambda: nn.Linear(2, 2).to(device)(w), lambda: w.no_such_name,
    )  # fmt: skip

    def step() -> None:
        for call in calls:
            try:
                call()
            except (RuntimeError, AttributeError, TypeError, ValueError):
                pass
            else:
                raise AssertionError("a wrong call passed")

    return step


WORKLOADS = {f.__name__: f for f in (cnn, transformer, functions, hooks, recomputed, refused)}


#: the simulated device's memory, which Triton's interpreter holds in circles
_SIMULATED = "tritonnn.kernels.launch.interpreter"


def of_library(objects: Iterable[Any]) -> Counter[str]:
    """How many there are of each of the library's types."""
    names = (f"{type(o).__module__}.{type(o).__qualname__}" for o in objects)
    return Counter(name for name in names if name.startswith("tritonnn.") and not name.startswith(_SIMULATED))


class Left(NamedTuple):
    """What so many steps left behind, by type, and by how many bytes the process grew."""

    in_circles: Counter[str]
    more: Counter[str]
    bytes: int


def left(step: Step, steps: int, warm_up: int = 5) -> Left:
    """Run a step so often with the cycle collector off."""
    for _ in range(warm_up):
        step()
    gc.collect()
    gc.freeze()  # what there is already takes no part in collections and counts
    gc.disable()
    try:
        for _ in range(warm_up):
            step()
        before, size = of_library(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(steps):
            step()
        more = of_library(gc.get_objects()) - before
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - size
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return Left(of_library(gc.garbage), more, grown * 1024)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


def main() -> int:
    """Every workload; 1 where one grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="of each workload (1000)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args()
    return run(options.steps, options.device)


def run(steps: int, device: str = "cpu") -> int:
    """Print what each workload left; 1 where one grows."""
    failed = 0
    for name, workload in WORKLOADS.items():
        result = left(workload(device), steps, 300)  # until bounded caches are full
        failed += bool(result.in_circles or result.more.total() > 20 or result.bytes > 8 << 20)
        grown = f"{result.bytes >> 10:+} KiB, {dict(result.more)}, in circles {dict(result.in_circles)}"
        print(f"{name:12} {steps} steps: {grown}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
