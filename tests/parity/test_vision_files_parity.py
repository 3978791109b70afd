"""Files of weights that PyTorch saved load from the cache of torch.hub, and give PyTorch's outputs."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch as reference
from reference_vision import torchvision
from vision_weights import assert_near, give, pictures, state_of, tensor_of

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models

#: One of each family, and the size of pictures.
FAMILIES = {
    "alexnet": 64, "densenet121": 32, "googlenet": 32, "inception_v3": 75, "mnasnet0_5": 32, "mobilenet_v2": 32,
    "mobilenet_v3_small": 32, "resnet18": 32, "shufflenet_v2_x0_5": 32, "squeezenet1_1": 32, "vgg11": 32,
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_but_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers stay as memory is, which takes no time, and a weight that the file does not give shows."""
    for name in ("kaiming_uniform_", "kaiming_normal_", "uniform_", "normal_", "trunc_normal_"):
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that files of weights are looked for in."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def saved(name: str, path: Path) -> Any:
    """A network of torchvision's, whose weights PyTorch has saved."""
    with reference.device("meta"):
        model = getattr(theirs, name)(
            **({"init_weights": False} if name in ("googlenet", "inception_v3") else {})
        )
    state = state_of(model)
    tensors: Any = type(state)((key, tensor_of(value, reference)) for key, value in state.items())
    tensors._metadata = model.state_dict()._metadata
    reference.save(tensors, path)
    return give(model, state, reference)


def check(name: str, size: int, cache: Path, **options: Any) -> None:
    weights = ours.get_model_weights(name).DEFAULT
    wanted = saved(name, cache / weights.url.rpartition("/")[2])
    for key, value in options.items():
        setattr(wanted, key, value)
    got = getattr(ours, name)(weights=weights, progress=False, **options)
    images = pictures(1, size)
    if name in ("googlenet", "inception_v3"):
        wanted.transform_input = options.get("transform_input", True)
    with reference.no_grad(), torch.no_grad():
        assert_near(got.eval()(torch.from_numpy(images)), wanted.eval()(reference.from_numpy(images)))


@pytest.mark.parametrize("name", FAMILIES)
def test_families(name, cache):
    check(name, FAMILIES[name], cache)


def test_input_as_it_comes(cache):
    check("googlenet", 32, cache, transform_input=False)


def test_heads_that_the_file_has(cache):
    path = cache / ours.GoogLeNet_Weights.DEFAULT.url.rpartition("/")[2]
    wanted = saved("googlenet", path)
    without = ours.googlenet(weights="DEFAULT")
    assert without.aux1 is None and without.aux2 is None and not without.aux_logits
    with pytest.warns(UserWarning, match="NOT pretrained"):
        heads = ours.googlenet(weights="DEFAULT", aux_logits=True)
    assert_near(heads.aux2.fc2.bias, wanted.aux2.fc2.bias)
    saved("inception_v3", cache / ours.Inception_V3_Weights.DEFAULT.url.rpartition("/")[2])
    assert ours.inception_v3(weights="DEFAULT").AuxLogits is not None
    assert ours.inception_v3(weights="DEFAULT", aux_logits=False).AuxLogits is None


def test_keys_of_older_densenets(cache):
    """The published files have 'denselayer1.norm.1.weight', which no module can be called any more."""
    path = cache / ours.DenseNet121_Weights.DEFAULT.url.rpartition("/")[2]
    wanted = saved("densenet121", path)
    older = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))([12])\.")
    state = reference.load(path)
    kept = {older.sub(r"\1.\2.", key): value for key, value in state.items() if "batches" not in key}
    assert len(kept) == len(state) - 121 and "features.denseblock1.denselayer1.norm.1.weight" in kept
    reference.save(kept, path)
    images = pictures(1, 32)
    got = ours.densenet121(weights="DEFAULT").eval()
    with torch.no_grad(), reference.no_grad():
        assert_near(got(torch.from_numpy(images)), wanted.eval()(reference.from_numpy(images)))


def test_a_download_is_checked(cache, tmp_path, monkeypatch):
    """The file's name ends in how its sha256 begins."""
    path = tmp_path / "squeezenet.pth"
    wanted = saved("squeezenet1_1", path)
    begin = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    right, wrong = tmp_path / f"right-{begin}.pth", tmp_path / "wrong-00000000.pth"
    for copy in (right, wrong):
        copy.write_bytes(path.read_bytes())
    member = ours.SqueezeNet1_1_Weights.DEFAULT
    monkeypatch.setattr(member.value, "url", wrong.as_uri())
    with pytest.raises(RuntimeError, match="hash"):
        ours.squeezenet1_1(weights=member, progress=False)
    assert not list(cache.iterdir())
    monkeypatch.setattr(member.value, "url", right.as_uri())
    got = ours.squeezenet1_1(weights=member, progress=False)
    assert_near(got.classifier[1].weight, wanted.classifier[1].weight)
    assert [file.name for file in cache.iterdir()] == [right.name]


def test_weights_of_another_network(cache):
    path = cache / ours.SqueezeNet1_1_Weights.DEFAULT.url.rpartition("/")[2]
    saved("squeezenet1_0", path)
    for models, place in ((ours, torch.hub), (theirs, reference.hub)):
        assert place.get_dir() == str(cache.parent)
        with pytest.raises(RuntimeError, match="size mismatch for"):
            models.squeezenet1_1(weights="DEFAULT")


def test_version_1_of_mnasnet():
    """Its first layers were as wide whatever alpha is."""
    older = theirs.MNASNet(0.5, num_classes=3)
    state = older.state_dict()
    state._metadata[""]["version"] = 1
    with (
        pytest.warns(UserWarning, match="previous version"),
        pytest.raises(RuntimeError, match="size mismatch"),
    ):
        older.load_state_dict(state)  # has made it a network of version 1
    state = older.state_dict()
    tensors: Any = type(state)((key, torch.from_numpy(value.numpy())) for key, value in state.items())
    tensors._metadata = state._metadata
    model = ours.MNASNet(0.5, num_classes=3)
    with pytest.warns(UserWarning, match="previous version"):
        model.load_state_dict(tensors)
    assert model.state_dict()._metadata[""]["version"] == 1
    images = pictures(1, 32)
    with torch.no_grad(), reference.no_grad():
        assert_near(model.eval()(torch.from_numpy(images)), older.eval()(reference.from_numpy(images)))
    for library in (ours, theirs):
        with pytest.raises(ValueError, match="version should be set to 1 or 2"):
            library.MNASNet(0.5, num_classes=3).load_state_dict({})


WHOLE = """
import sys
import tritonnn
tritonnn.serve()
import torch
for model, images, wanted in torch.load(sys.argv[1], weights_only=False):
    with torch.no_grad():
        torch.testing.assert_close(model(images), wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())
    print(type(model).__module__)
"""


def test_whole_networks(tmp_path):
    """`torch.save(model)` names torchvision's classes and their attributes; here these are tritonnn's."""
    images = reference.from_numpy(pictures(1, 32))
    saved = []
    for name in ("squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"):
        model = getattr(theirs, name)(num_classes=10).eval()
        with reference.no_grad():
            saved.append((model, images, model(images)))
    reference.save(saved, tmp_path / "whole.pt")
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, str(tmp_path / "whole.pt")], capture_output=True, text=True
    )
    wanted = [
        "torchvision.models.squeezenet",
        "torchvision.models.mobilenetv3",
        "torchvision.models.shufflenetv2",
    ]
    assert done.stdout.split() == wanted, done.stderr
