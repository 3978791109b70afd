"""accelerate: prepared training loops, accumulated and clipped gradients, saved states, models laid out by hand."""

from __future__ import annotations

import pytest
import torch
from accelerate import (
    Accelerator,
    cpu_offload,
    disk_offload,
    init_empty_weights,
    load_checkpoint_and_dispatch,
    skip_first_batches,
)
from accelerate.state import AcceleratorState
from accelerate.utils import find_executable_batch_size, set_seed
from torch import nn
from weights import drawn, fill


@pytest.fixture(autouse=True)
def _fresh():
    """Each test chooses its own precision, which accelerate keeps for the process."""
    AcceleratorState._reset_state(reset_partial_state=True)


def _parts():
    model = fill(nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.LayerNorm(32), nn.Linear(32, 3)))
    data = torch.utils.data.TensorDataset(drawn("inputs", 24, 6), torch.arange(24) % 3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    return model, optimizer, torch.utils.data.DataLoader(data, batch_size=4), schedule


def _train(accelerator, model, optimizer, loader, schedule, clip=None):
    losses, norms = [], []
    for x, y in loader:
        with accelerator.accumulate(model):
            with accelerator.autocast():
                loss = nn.functional.cross_entropy(model(x), y)
            accelerator.backward(loss)
            if clip and accelerator.sync_gradients:
                norms.append(float(accelerator.clip_grad_norm_(model.parameters(), clip)))
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        losses.append(loss.item())
    return losses, norms


@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_a_prepared_loop(expected, accumulated, precision):
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulated, mixed_precision=precision)
    parts = accelerator.prepare(*_parts())
    losses, norms = _train(accelerator, *parts, clip=0.5)
    assert len(norms) == 6 // accumulated
    rtol = 1e-3 if precision == "no" else 3e-2
    expected("losses", losses, rtol=rtol)
    expected("norms", norms, rtol=rtol)
    assert isinstance(accelerator.unwrap_model(parts[0]), nn.Sequential)


def test_a_state_is_saved_and_loaded(tmp_path):
    accelerator = Accelerator(cpu=True)
    parts = accelerator.prepare(*_parts())
    accelerator.register_for_checkpointing(parts[3])
    _train(accelerator, *parts)
    accelerator.save_state(str(tmp_path))
    draws, first = torch.rand(4), _train(accelerator, *parts)
    accelerator.load_state(str(tmp_path))
    assert torch.equal(torch.rand(4), draws)
    assert _train(accelerator, *parts) == first


def test_one_process():
    accelerator = Accelerator(cpu=True)
    assert (accelerator.num_processes, accelerator.process_index) == (1, 0)
    assert accelerator.is_main_process and accelerator.device.type == "cpu"
    x = torch.arange(3)
    assert torch.equal(accelerator.gather(x), x) and torch.equal(accelerator.reduce(x, "sum"), x)
    assert torch.equal(accelerator.gather_for_metrics(x), x)
    accelerator.wait_for_everyone()


def test_values_are_clipped():
    accelerator = Accelerator(cpu=True)
    model, _, loader, _ = accelerator.prepare(*_parts())
    x, y = next(iter(loader))
    accelerator.backward(nn.functional.cross_entropy(model(100 * x), y))
    accelerator.clip_grad_value_(model.parameters(), 1e-3)
    assert max(p.grad.abs().max().item() for p in model.parameters()) == pytest.approx(1e-3)


def test_seeds():
    drawn_twice = []
    for _ in range(2):
        set_seed(5)
        drawn_twice.append(torch.randn(3))
    assert torch.equal(*drawn_twice)


def test_models_without_memory(tmp_path):
    model = _parts()[0]
    accelerator = Accelerator(cpu=True)
    accelerator.save_model(model, str(tmp_path), max_shard_size="1KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    with init_empty_weights():
        empty = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.LayerNorm(32), nn.Linear(32, 3))
    assert {p.device.type for p in empty.parameters()} == {"meta"}
    loaded = load_checkpoint_and_dispatch(empty, str(tmp_path), device_map={"": "cpu"})
    x = drawn("x", 2, 6)
    assert torch.equal(loaded(x), model(x))
    assert torch.equal(cpu_offload(_parts()[0], execution_device="cpu")(x), model(x))
    assert torch.equal(disk_offload(_parts()[0], str(tmp_path / "parts"), torch.device("cpu"))(x), model(x))


class Numbers(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(torch.arange(5.0))


def test_loaders():
    accelerator = Accelerator(cpu=True)
    loader = accelerator.prepare(torch.utils.data.DataLoader(torch.arange(10), batch_size=2))
    assert [batch.tolist() for batch in skip_first_batches(loader, 3)] == [[6, 7], [8, 9]]
    loader = accelerator.prepare(torch.utils.data.DataLoader(Numbers(), batch_size=2))
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    with accelerator.split_between_processes([1, 2]) as part:
        assert part == [1, 2]


def test_smaller_batches_are_tried():
    @find_executable_batch_size(starting_batch_size=8)
    def run(size):
        if size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return size

    assert run() == 2
