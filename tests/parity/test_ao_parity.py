"""torch.ao of floating point: fused layers, modules of operations, stubs; what PyTorch computes."""

from __future__ import annotations

import importlib
import warnings

import pytest
import torch as reference

import tritonnn as torch

BOTH = (torch, reference)
ROWS = [["0", "1", "2"], ["3", "4"], ["6", "7"], ["8", "9"]]


def part(library, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"{library.__name__}.{name}")


def outcome(run, library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run(library)
        except Exception as error:
            return type(error)


def fusible(t):
    nn = t.nn
    torch_seed = reference.Generator().manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 2), nn.BatchNorm2d(2), nn.Flatten(),
        nn.Linear(50, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4),
    )  # fmt: skip
    state = {
        name: t.tensor(
            reference.rand(tuple(value.shape), generator=torch_seed).add(0.1).tolist(), dtype=value.dtype
        )
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize("hooks", [True, False])
def test_fused_layers(hooks):
    """PyTorch runs a hook twice that stands before a layer with a folded normalisation; here it runs once."""
    x = reference.rand(3, 2, 6, 6)
    outputs, names, before = [], [], []
    for library in BOTH:
        model = fusible(library)
        if hooks:
            model[0].register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
            model[2].register_forward_hook(lambda module, inputs, output: output + 1)
        before.append(model(library.tensor(x.tolist())).tolist())
        fused = library.ao.quantization.fuse_modules(model, ROWS)
        assert fused is not model and type(model[1]) is library.nn.BatchNorm2d
        assert library.ao.quantization.fuse_modules(model, ["8", "9"], inplace=True) is model
        names.append([type(layer).__name__ for layer in fused])
        outputs.append(fused(library.tensor(x.tolist())).tolist())
    assert names[0] == names[1]
    for got, wanted in ((outputs[0], before[0 if hooks else 1]), (outputs[0], outputs[0 if hooks else 1])):
        reference.testing.assert_close(reference.tensor(got), reference.tensor(wanted), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", ["train", "mixed", "order", "qat"])
def test_layers_that_are_not_fused(case):
    def run(t):
        model = fusible(t)
        if case == "train":
            t.ao.quantization.fuse_modules(model.train(), ["0", "1"])
        elif case == "mixed":
            model[1].train()
            t.ao.quantization.fuse_modules(model, ["0", "1"])
        elif case == "order":
            t.ao.quantization.fuse_modules(model, ["9", "10"])
        else:
            fused = t.ao.quantization.fuse_modules_qat(model.train(), [["0", "1", "2"], ["6", "7"]])
            return [type(layer).__name__ for layer in fused], [type(layer).__name__ for layer in fused[0]]

    assert outcome(run, torch) == outcome(run, reference)


def test_modules_of_operations():
    for name in ("FloatFunctional", "FXFloatFunctional"):
        results = []
        for library in BOTH:
            f = getattr(library.ao.nn.quantized, name)()
            x, y = library.tensor([[1.0, -3.0]]), library.tensor([[2.0, 1.0]])
            results.append([
                f.add(x, y).tolist(), f.mul(x, y).tolist(), f.add_scalar(x, 2.0).tolist(),
                f.mul_scalar(x, 2.0).tolist(),
                f.cat([x, y], 1).tolist(), f.add_relu(x, y).tolist(), f.matmul(x, y.t()).tolist(),
                sorted(f.state_dict()), outcome(lambda t, f=f, x=x: f(x), library),
            ])  # fmt: skip
        assert results[0] == results[1]


def test_stubs_are_identities():
    for library in BOTH:
        q = library.ao.quantization
        wrapped = q.QuantWrapper(library.nn.ReLU().eval())
        assert [name for name, _ in wrapped.named_modules()] == ["", "quant", "dequant", "module"]
        assert not wrapped.quant.training and wrapped(library.tensor([-1.0, 2.0])).tolist() == [0, 2]
        assert q.QuantStub("config").qconfig == "config" and not hasattr(q.DeQuantStub(), "qconfig")
        assert q.QConfig(activation=library.nn.ReLU, weight=3)._fields == ("activation", "weight")
        with pytest.raises(ValueError, match="pass observer class instead"):
            q.QConfig(library.nn.ReLU(), None)
