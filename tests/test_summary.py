"""`utils.summary`: what it counts against counts by hand, and that the model stays as it was."""

from __future__ import annotations

import html.parser
import subprocess
import sys

import pytest

import tritonnn as torch
from tritonnn.ops._table import OPS
from tritonnn.utils._multiply_adds import MULTIPLY_ADDS

nn = torch.nn
F = nn.functional


def layer(report, path):
    return next(row for row in report.layers if row.path == path)


def test_convolutional_network():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 4, 3, stride=2, groups=2),
        nn.ConvTranspose2d(4, 2, 2, bias=False),
        nn.Flatten(),
        nn.Linear(2 * 16, 10),
    )
    model[6].weight.requires_grad_(False)
    report = torch.utils.summary(model, (2, 3, 8, 8))
    found = {
        row.path: (row.output, row.parameters, row.multiply_adds, row.activation_bytes)
        for row in report.layers
    }
    image, small, larger = 2 * 8 * 8 * 8, 2 * 4 * 3 * 3, 2 * 2 * 4 * 4
    assert found["0"] == ((2, 8, 8, 8), 8 * 3 * 9, image * 3 * 9, 4 * image)
    assert found["1"][:3] == ((2, 8, 8, 8), 16, 0)
    assert found["2"] == ((2, 8, 8, 8), 0, 0, 0)  # in place
    assert found["3"] == ((2, 4, 3, 3), 4 * 4 * 9 + 4, small * 4 * 9, 4 * small)
    assert found["4"] == ((2, 2, 4, 4), 4 * 2 * 4, small * 2 * 4, 4 * larger)
    assert found["5"] == ((2, 32), 0, 0, 0)  # a view
    assert found["6"] == ((2, 10), 330, 2 * 32 * 10, 4 * 20)
    assert report.parameters == sum(p.numel() for p in model.parameters())
    assert report.parameters - report.trainable == 320
    assert report.buffers == 8 + 8 + 1 and report.state_bytes == 4 * (report.parameters + 16) + 8


def test_attention_and_products():
    class Products(nn.Module):
        def forward(self, q, k, v, *, m):
            y = F.scaled_dot_product_attention(q, k, v)
            return {"y": y, "z": [m @ m.T, torch.addmm(m @ m.T, m, m.T), m.mv(m[0]), m[0] @ m[0]]}

    q, k, v = torch.rand(2, 4, 5, 8), torch.rand(2, 4, 7, 8), torch.rand(2, 4, 7, 6)
    report = torch.utils.summary(_Call(Products(), m=torch.rand(3, 4)), (q, k, v))
    row = layer(report, "inner")
    assert row.multiply_adds == 2 * 4 * 5 * 7 * (8 + 6) + 3 * (3 * 3 * 4) + 3 * 4 + 4
    assert row.output == {"y": (2, 4, 5, 6), "z": [(3, 3), (3, 3), (3,), ()]}
    assert "y: (2, 4, 5, 6), z: (3, 3), (3, 3), (3,), ()" in str(report).replace("[", "")


class _Call(nn.Module):
    def __init__(self, inner, **kwargs):
        super().__init__()
        self.inner, self.kwargs = inner, kwargs

    def forward(self, *args):
        return self.inner(*args, **self.kwargs)


def test_shared_and_repeated_modules():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(11, 4)
            self.block = nn.Linear(4, 4)
            self.head = nn.Linear(4, 11, bias=False)
            self.head.weight = self.embedding.weight
            self.spare = nn.Linear(2, 2)

        def forward(self, tokens):
            return self.head(self.block(self.block(self.embedding(tokens))))

    report = torch.utils.summary(Twice(), torch.zeros(3, 5, dtype=torch.int64))
    assert layer(report, "block").calls == 2 and layer(report, "block").multiply_adds == 2 * 15 * 16
    assert layer(report, "head").parameters == 0 and report.parameters == 44 + 20 + 6
    assert layer(report, "spare").output is None and "not called" in str(report)


def test_depth_adds_up():
    model = nn.Transformer(16, 2, 1, 1, 32)
    inputs = (torch.rand(3, 2, 16), torch.rand(3, 2, 16))
    whole, shallow = (torch.utils.summary(model, inputs, depth=d) for d in (None, 1))
    shown = [row for row in shallow._shown()]
    assert [row.path for row in shown] == ["", "encoder", "decoder"]
    for name in ("parameters", "multiply_adds", "activation_bytes"):
        assert sum(getattr(row, name) for row in shown) == getattr(whole, name)


@pytest.mark.parametrize("device", ["cpu", "cuda", "meta"])
def test_nothing_changes(device):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).to(device)
    model[2].eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(3)
    report = torch.utils.summary(model, (2, 3))
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(3))
    assert layer(report, "0").activation_bytes == 4 * 8
    assert [m.training for m in model] == [True, True, False] and model.training
    assert not model._forward_hooks and not model[0]._forward_pre_hooks
    if device != "meta":
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_a_failing_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 6))
    with pytest.raises(RuntimeError):
        torch.utils.summary(model, (2, 3))
    assert model.training and not model[1]._forward_pre_hooks and not model[1]._forward_hooks


@pytest.mark.parametrize(
    ("args", "kind", "text"),
    [
        ((3, (1, 2)), TypeError, "must be a Module, but got int"),
        ((nn.Linear(2, 2), (1, -2)), ValueError, r"not be negative, but got \(1, -2\)"),
    ],
)
def test_refusals(args, kind, text):
    with pytest.raises(kind, match=text):
        torch.utils.summary(*args)
    with pytest.raises(ValueError, match="depth must not be negative, but got -1"):
        torch.utils.summary(nn.Linear(2, 2), (1, 2), depth=-1)


#: ops of these families that are no products of matrices, or that only backward calls
OTHERS = {"im2col", "col2im", "convolution_weight_grad", "attention_backward", "given_eigenpairs"}


def test_every_product_is_counted():
    primitives = {
        op.name
        for op in OPS.values()
        if op.family in ("linalg", "convolution", "attention") and op.kind != "composite" and not op.host
    }
    assert primitives - OTHERS == set(MULTIPLY_ADDS) - {"fused_linear_cross_entropy"}


def test_command_line(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n\ndef tagger():\n    return nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))\n"
    )

    def run(*args):
        command = [sys.executable, "-m", "tritonnn", "summary", *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    done = run("mine:tagger", "--input", "1,16:int64", "--depth", "1")
    assert done.returncode == 0, done.stderr
    assert (
        "Linear" in done.stdout
        and "(1, 16, 2)" in done.stdout
        and "Multiply-adds of a forward pass: 128" in done.stdout
    )
    for bad in (
        ("mine", "--input", "1"),
        ("mine:tagger", "--input", "1;2"),
        ("mine:tagger", "--input", "1:text"),
        (),
    ):
        failed = run(*bad)
        assert failed.returncode == 2 and "usage" in failed.stderr and "Traceback" not in failed.stderr
    assert (
        run("mine:none", "--input", "1").stderr == "tritonnn summary: module 'mine' has no attribute 'none'\n"
    )


BAD = """
import torch
class Net(torch.nn.Module):
    def __init__(self, width): super().__init__()
class Broken(torch.nn.Module):
    def forward(self, x): return inner()
def inner(): raise ValueError("no weights here")
def ready(): return torch.nn.Linear(3, 2)
def listed(): return [1]
number = 5
"""


@pytest.mark.parametrize("name, said", [
    ("Net", "tritonnn summary: bad:Net needs the arguments width; name a function without arguments that returns"),
    ("listed", "tritonnn summary: bad:listed() is expected to return a torch.nn.Module, but returned list"),
    ("number", "tritonnn summary: bad:number is neither a model nor callable, but int"),
    ("ready", "tritonnn summary: RuntimeError: linear: input has 4 features"),
    ("inner", "Traceback (most recent call last):"), ("Broken", "Traceback (most recent call last):"),
])  # fmt: skip
def test_what_is_no_model_is_said_in_a_sentence_or_in_the_users_frames(tmp_path, name, said):
    (tmp_path / "bad.py").write_text(BAD)
    command = [sys.executable, "-m", "tritonnn", "summary", f"bad:{name}", "--input", "1,4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    lines = done.stderr.strip().split("\n")
    assert done.returncode == 1 and lines[0].startswith(said)
    if said.startswith("Traceback"):
        frames = [line for line in lines if line.startswith("  File ")]
        assert (
            frames and all("bad.py" in line for line in frames) and lines[-1] == "ValueError: no weights here"
        )


def test_lazy_modules_are_counted_after_the_call():
    nn = torch.nn
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2))
    report = torch.utils.summary(model, torch.ones(5, 4))
    assert report.parameters == 4 * 3 + 3 + 3 * 2 + 2 and report.multiply_adds == 5 * (4 * 3 + 3 * 2)


def test_a_notebook_shows_the_same_table():
    """The cells, read back from the HTML, are those of the printed table; what a class is called is no markup."""
    cells = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag in ("td", "th"):
                cells.append("")

        def handle_data(self, data):
            if cells and not data.startswith(("\n", "Parameters:", "Multiply-adds of", "Activations of")):
                cells[-1] += data

    odd = type("Odd<b>", (nn.Linear,), {})
    report = torch.utils.summary(nn.Sequential(odd(3, 1200), nn.ReLU()), (2, 3))
    markup = report._repr_html_()
    Reader().feed(markup)
    printed = str(report).splitlines()
    shown = [cells[start : start + 6] for start in range(0, len(cells), 6)]
    assert [" ".join(row).split() for row in shown] == [line.split() for line in (printed[0], *printed[2:5])]
    assert "Odd&lt;b&gt;" in markup and "4,800" in cells and markup.count("<tr>") == 4
    assert printed[-1] in markup and printed[-3] in markup
