"""A training step is one list of table calls: watched, the same each time, replayed to the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import tensors

import tritonnn as torch
from tritonnn import dispatch
from tritonnn._tensor import Tensor, host_array, make_view
from tritonnn.memory import Storage, allocate
from tritonnn.nn import functional as F
from tritonnn.ops.optimizer.optimizer import advance_steps

nn = torch.nn
DEVICES = ("cpu", "cuda")
VOCABULARY, WIDTH, HEADS, LENGTH, BATCH = 13, 8, 2, 5, 3
Calls = list[tuple[Any, tuple, tuple]]


class Block(nn.Module):
    """A GPT of one block: embeddings, causal attention, an MLP, and the head that gives the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places(torch.arange(LENGTH, device=tokens.device))
        q, k, v = (
            part.view(BATCH, LENGTH, HEADS, -1).transpose(1, 2)
            for part in self.qkv(self.first(x)).chunk(3, dim=-1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(y.transpose(1, 2).reshape(BATCH, LENGTH, WIDTH))
        return self.head(x + self.mlp(self.second(x)))


class Training:
    """The block with its optimizer and one batch, all made from one seed."""

    def __init__(self, device: str) -> None:
        torch.manual_seed(3)
        self.model = Block().to(device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.05, weight_decay=0.1)
        rng = np.random.default_rng(0)
        self.x, self.y = (
            torch.from_numpy(rng.integers(0, VOCABULARY, (BATCH, LENGTH))).to(device) for _ in range(2)
        )

    def step(self) -> None:
        scores = self.model(self.x)
        F.cross_entropy(scores.view(-1, VOCABULARY), self.y.view(-1)).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 0.1)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)

    def watched(self) -> Calls:
        calls: Calls = []
        with dispatch.watch(lambda op, args, results: calls.append((op, args, results))):
            self.step()
        return calls

    def memory(self) -> list[Tensor]:
        """Everything a step reads that no step makes, and everything it leaves behind."""
        kept = [self.x, self.y]
        for p in self.model.parameters():
            kept += [p, p.grad, *tensors(tuple(self.optimizer.state[p].values()))]
        return kept

    def numbers(self) -> list[np.ndarray]:
        return [host_array(t.detach()).copy() for t in self.memory()]


def named(calls: Calls) -> list[tuple[str, list, list]]:
    return [
        (op.name, [tuple(t.shape) for t in tensors(args)], [tuple(t.shape) for t in results])
        for op, args, results in calls
    ]


class Replay:
    """Runs a list of calls on other memory: a tensor of the list is known by the block it looks into."""

    def __init__(self, recorded: list[Tensor], other: list[Tensor]) -> None:
        self.blocks = {id(a._storage.block): b._storage for a, b in zip(recorded, other, strict=True)}

    def of(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)([self.of(item) for item in value])
        if not isinstance(value, Tensor):
            return value
        storage = self.blocks[id(value._storage.block)]  # a KeyError: memory that no call has written
        plain = value.detach()
        plain._storage = storage
        return make_view(plain, value.shape, value.stride(), value._offset)

    def __call__(self, op: Any, args: tuple, results: tuple) -> None:
        if op.kind == "view":
            return
        inputs = self.of(args)
        if op.kind == "writing":
            dispatch.write(op, inputs)
        elif results[0] is args[0]:
            dispatch.inplace(op, inputs)
        elif op.name in ("fill_values", "copy_values"):
            target = results[0]
            if id(target._storage.block) not in self.blocks:
                block = allocate(target._storage.nbytes, target.device)
                self.blocks[id(target._storage.block)] = Storage(block, target.device)
            dispatch.run_into(op, self.of(target), inputs)
        else:
            result = (dispatch.call if op.result_rule is None else dispatch.pointwise)(op, inputs)
            for old, new in zip(results, result if isinstance(result, tuple) else (result,), strict=True):
                assert (old.shape, old.dtype, old.stride()) == (new.shape, new.dtype, new.stride())
                self.blocks[id(old._storage.block)] = new._storage


@pytest.mark.parametrize("device", DEVICES)
def test_a_step_is_the_same_list_each_time(device: str) -> None:
    training = Training(device)
    training.step()  # makes the gradients and the optimizer's state
    calls = training.watched()
    assert named(calls) == named(training.watched())
    assert [op.name for op, _, _ in calls].count("elementwise_step") == 1
    grads = {id(p.grad) for p in training.model.parameters()}
    for name in ("add", "fill_values"):  # accumulated by the engine, cleared by zero_grad(set_to_none=False)
        assert grads <= {id(results[0]) for op, _, results in calls if op.name == name}, name


@pytest.mark.parametrize("device", DEVICES)
def test_the_first_gradients_are_taken_over_or_copied_by_table_calls(device: str) -> None:
    training = Training(device)
    calls = training.watched()
    blocks = {id(t._storage.block) for _, _, results in calls for t in results}
    assert all(id(p.grad._storage.block) in blocks for p in training.model.parameters())


@pytest.mark.parametrize("device", DEVICES)
def test_the_list_replays_to_the_same_numbers(device: str) -> None:
    recorded, replayed = Training(device), Training(device)
    for training in (recorded, replayed):
        training.step()
    calls = recorded.watched()
    replay = Replay(recorded.memory(), replayed.memory())
    before = replayed.numbers()
    with torch.no_grad():
        for call in calls:
            replay(*call)
    after = replayed.numbers()
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    for got, wanted in zip(after, recorded.numbers(), strict=True):
        np.testing.assert_array_equal(got, wanted)


# Calls of every kind, and the entries that they are made of.
KINDS = {
    "pointwise": (lambda x, y: x + y, ["add"]),
    "of a number": (lambda x, y: x * 2, ["mul"]),
    "promoted": (lambda x, y: x + y.double(), ["to_copy", "add"]),
    "broadcast": (lambda x, y: x + y[0], ["select_dim", "add"]),
    "in place": (lambda x, y: x.add_(y), ["add"]),
    "in place and cast": (lambda x, y: x.add_(y.double()), ["to_copy", "add"]),
    "out=": (lambda x, y: torch.add(x, y, out=y), ["add"]),
    "view": (lambda x, y: x.t(), ["transpose"]),
    "primitive": (lambda x, y: x.sum(1), ["sum"]),
    "several results": (lambda x, y: x.max(1), ["max_dim"]),
    "primitive with out=": (lambda x, y: torch.cat([x, y], out=torch.empty(4, 2, device=x.device)), ["cat"]),
    "of a size that depends": (lambda x, y: torch.nonzero(x), ["nonzero_coordinates", "transpose"]),
    "writing": (lambda x, y: advance_steps([x, y]), ["advance_steps"]),
    "fill": (lambda x, y: x.fill_(3), ["fill_values"]),
    "copy": (lambda x, y: x.copy_(y), ["copy_values"]),
    "clone": (lambda x, y: x.clone(), ["to_copy"]),
    "cast": (lambda x, y: x.half(), ["to_copy"]),
    "random": (lambda x, y: x.normal_(), ["philox_normal"]),
    "new": (lambda x, y: torch.ones_like(x), ["fill_values"]),
    "alias": (lambda x, y: x.detach(), []),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_call_is_seen_once(kind: str, device: str) -> None:
    run, names = KINDS[kind]
    x, y = (torch.tensor([[1.0, 2.0], [3.0, value]], device=device) for value in (4.0, 5.0))
    calls: Calls = []
    with dispatch.watch(lambda op, args, results: calls.append((op, args, results))):
        result = run(x, y)
    run(x, y)
    assert [op.name for op, _, _ in calls] == names
    if calls and result is not None:
        assert calls[-1][2][0] is (result[0] if isinstance(result, tuple) else result)
