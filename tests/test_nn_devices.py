"""Networks on the GPU (simulated where there is none) compute what they compute on the CPU."""

from __future__ import annotations

import copy

import pytest

import tritonnn as torch

nn = torch.nn


def x(*shape):
    return torch.randn(shape)


NETWORKS = {
    "Linear": (lambda: nn.Linear(5, 3), lambda: (x(4, 5),)),
    "MLP": (
        lambda: nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.LayerNorm(7), nn.Linear(7, 2)),
        lambda: (x(4, 5),),
    ),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3, padding=1), lambda: (x(1, 2, 5, 5),)),
    "CNN": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)
        ),
        lambda: (x(2, 1, 6, 6),),
    ),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), lambda: (x(4, 3),)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), lambda: (x(2, 4, 3),)),
    "Embedding": (lambda: nn.Embedding(5, 3, padding_idx=1), lambda: (torch.tensor([[0, 1], [4, 4]]),)),
    "Softmax": (lambda: nn.Softmax(1), lambda: (x(3, 5),)),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), lambda: (x(3, 5), torch.tensor([0, 4, 2]))),
    "LinearCrossEntropyLoss": (
        lambda: nn.LinearCrossEntropyLoss(5, 7, bias=True),
        lambda: (x(3, 5), torch.tensor([0, 6, 2])),
    ),
    "MSELoss": (lambda: nn.MSELoss(), lambda: (x(3, 5), x(3, 5))),
    "EncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), lambda: (x(3, 2, 4),)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_same_as_on_the_cpu(name):
    build, make_inputs = NETWORKS[name]
    network, inputs = build(), make_inputs()
    other = copy.deepcopy(network).to("cuda")
    assert all(t.device.type == "cuda" for t in (*other.parameters(), *other.buffers()))
    wanted = network(*inputs)
    got = other(*[t.to("cuda") for t in inputs])
    if wanted.requires_grad:
        got.sum().backward()
    assert got.device.type == "cuda" and float((got.cpu() - wanted).detach().abs().max()) < 1e-4
    if wanted.requires_grad:
        wanted.sum().backward()
    for (key, a), b in zip(other.named_parameters(), network.parameters()):
        assert a.grad.device.type == "cuda" and float((a.grad.cpu() - b.grad).abs().max()) < 1e-3, key
    for a, b in zip(other.buffers(), network.buffers()):
        assert float((a.cpu() - b).abs().max()) < 1e-4


def test_modules_move_there_and_back():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    weight, values = network[0].weight, network[0].weight.tolist()
    network.cuda()
    assert network[0].weight is weight and weight.is_cuda and network[1].num_batches_tracked.is_cuda
    network.cpu()
    assert weight.tolist() == values and not weight.is_cuda
    assert network.cuda(device_id=0)[0].weight.device == torch.device("cuda", 0)
    assert network.to(torch.device("cpu"), torch.float64)[0].weight.dtype == torch.float64


def test_state_passes_between_devices():
    there, here = nn.Linear(2, 3, device="cuda"), nn.Linear(2, 3)
    here.load_state_dict(there.state_dict())
    assert here.weight.device.type == "cpu" and here.weight.tolist() == there.weight.tolist()


def test_devices_that_do_not_match_are_named():
    with pytest.raises(RuntimeError, match=r"cuda:0[\s\S]*cpu|cpu[\s\S]*cuda:0"):
        nn.Linear(2, 3).cuda()(torch.ones(1, 2))
