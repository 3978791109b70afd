"""tensorboardX, and torch.utils.tensorboard on it or on tensorboard: what is written is read again from the files."""

from __future__ import annotations

import importlib
import importlib.util
import struct

import numpy as np
import pytest
import torch
from tensorboardX.proto.event_pb2 import Event
from torch.utils.tensorboard import SummaryWriter
from weights import drawn


def _events(folder):
    """The events of all files below a folder."""
    events = []
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack("<Q", data[place : place + 8])
            events.append(Event.FromString(data[place + 12 : place + 12 + length]))
            place += 16 + length
    return events


def _values(folder, tag):
    found = [
        (event.step, value) for event in _events(folder) for value in event.summary.value if value.tag == tag
    ]
    assert found, sorted({value.tag for event in _events(folder) for value in event.summary.value})
    return found


def test_written_by_torch_and_read_again(expected, tmp_path):
    with SummaryWriter(log_dir=tmp_path, max_queue=2) as writer:
        for step in range(3):
            writer.add_scalar("loss", drawn(f"loss{step}").requires_grad_(), step)
        writer.add_scalar("narrow", torch.tensor(2.5).to(torch.bfloat16), global_step=7)
        writer.add_scalars("both", {"a": torch.tensor(1.0), "b": 2}, 4)
        writer.add_histogram("weights", drawn("weights", 100), 2, bins="auto")
        writer.add_image("picture", drawn("picture", 3, 4, 5).sigmoid())
        writer.add_image("flat", torch.zeros(4, 5, dtype=torch.uint8), dataformats="HW")
        writer.add_text("said", "hello **you**", 1)
        assert str(writer.get_logdir()) == str(tmp_path)
    losses = _values(tmp_path, "loss")
    assert [step for step, _ in losses] == [0, 1, 2]
    np.testing.assert_allclose(
        [_number(v) for _, v in losses], [float(drawn(f"loss{i}")) for i in range(3)], 1e-6
    )
    assert [(step, _number(v)) for step, v in _values(tmp_path, "narrow")] == [(7, 2.5)]
    assert sorted(_number(v) for _, v in _values(tmp_path, "both")) == [1.0, 2.0]
    ((step, value),) = _values(tmp_path, "weights")
    assert step == 2 and value.histo.num == 100
    expected("sum", value.histo.sum, rtol=1e-5)
    ((_, value),) = _values(tmp_path, "picture")
    assert (value.image.height, value.image.width, value.image.colorspace) == (4, 5, 3)
    ((_, value),) = _values(tmp_path, "flat")
    assert (value.image.height, value.image.width) == (4, 5)
    ((_, value),) = _values(tmp_path, "said/text_summary")
    assert value.tensor.string_val[0] == b"hello **you**"


def _number(value):
    return value.simple_value if value.HasField("simple_value") else value.tensor.float_val[0]


def test_the_rest_of_tensorboardx(tmp_path, request):
    if request.config.option.with_pytorch:
        pytest.skip("PyTorch's writer is another")
    with SummaryWriter(tmp_path, purge_step=2) as writer:
        writer.add_pr_curve("curve", torch.tensor([0, 1, 1]), torch.tensor([0.2, 0.4, 0.9]), 0)
        writer.add_embedding(drawn("points", 3, 2), metadata=["a", "b", "c"])
        writer.add_mesh("mesh", drawn("corners", 1, 4, 3))
        writer.add_hparams({"lr": 0.1}, {"accuracy": torch.tensor(0.5)})
        writer.add_figure  # noqa: B018
        with pytest.raises(RuntimeError, match="graph of ReLU"):
            writer.add_graph(torch.nn.ReLU(), torch.ones(1))
        with pytest.raises(ValueError, match="expected one number, got 2"):
            writer.add_scalar("two", torch.ones(2))
    assert _values(tmp_path, "curve") and list(tmp_path.rglob("tensors.tsv"))
    assert next(e.step for e in _events(tmp_path) if e.HasField("session_log")) == 2


def test_tensorboardx_itself_takes_tensors(tmp_path):
    import tensorboardX

    with tensorboardX.SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", drawn("loss"), 3)
        writer.add_histogram("weights", torch.nn.Linear(3, 4).weight, 0)
        writer.add_image("picture", drawn("picture", 3, 4, 5).sigmoid())
    assert (
        _values(tmp_path, "loss")[0][0] == 3 and _values(tmp_path, "weights") and _values(tmp_path, "picture")
    )


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_tensorboard_alone_writes_the_common_kinds(tmp_path, request):
    if request.config.option.with_pytorch:
        pytest.skip("PyTorch's writer is another")
    alone = importlib.import_module("torch.utils.tensorboard._by_tensorboard")
    with alone.SummaryWriter(tmp_path, purge_step=1) as writer:
        writer.add_scalar("loss", torch.tensor(2.0), 5)
        writer.add_scalars("both", {"a": 1, "b": 2})
        writer.add_histogram("weights", drawn("weights", 50), max_bins=4)
        writer.add_image("picture", drawn("picture", 3, 4, 5).sigmoid())
        writer.add_text("said", "hello")
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("none", torch.zeros(0))
        with pytest.raises(ValueError, match="'HW' does not fit"):
            writer.add_image("bad", torch.zeros(3, 4, 5), dataformats="HW")
        with pytest.raises(NotImplementedError, match="add_mesh"):
            writer.add_mesh("mesh", torch.zeros(1, 4, 3))
        with pytest.raises(AttributeError, match="other"):
            writer.other  # noqa: B018
        with pytest.raises(RuntimeError, match="graph of ReLU"):
            writer.add_graph(torch.nn.ReLU())
    assert [(step, _number(v)) for step, v in _values(tmp_path, "loss")] == [(5, 2.0)]
    assert sorted(_number(v) for _, v in _values(tmp_path, "both")) == [1.0, 2.0]
    ((_, value),) = _values(tmp_path, "weights")
    assert value.histo.num == 50 and len(value.histo.bucket) == 4
    assert _values(tmp_path, "picture")[0][1].image.height == 4
    assert _values(tmp_path, "said/text_summary")[0][1].tensor.string_val[0] == b"hello"


def test_tensors_become_arrays(request):
    if request.config.option.with_pytorch:
        pytest.skip("PyTorch converts elsewhere")
    values = importlib.import_module("torch.utils.tensorboard._values")
    x = torch.ones(2, requires_grad=True)
    found = values.plain({"a": [x.to(torch.bfloat16), 3], "b": (x, "text")})
    assert found["a"][0].dtype == np.float32 and found["a"][1] == 3
    assert isinstance(found["b"], tuple) and isinstance(found["b"][0], np.ndarray) and found["b"][1] == "text"
