"""Networks: the registry, weights, and what each of them is made of, by published numbers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision import models
from tritonnn.vision.models import _api, _utils

CLASSIFIERS = (
    "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "inception_v3", "mnasnet0_5",
    "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18",
    "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0",
    "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
    "wide_resnet50_2", "wide_resnet101_2",
)  # fmt: skip
#: The published number of GoogLeNet is without the heads of training.
BARE = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_as_many_parameters_as_published(name):
    """The metadata of the weights has the number; the file's size in MB follows from it."""
    with torch.device("meta"):
        model = models.get_model(name, **BARE.get(name, {}))
    meta = models.get_model_weights(name).DEFAULT.meta
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == meta["num_params"]
    assert len(meta["categories"]) == 1000 and meta["categories"][0] == "tench"
    state = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    # Older files lack what was added since, and those of GoogLeNet and Inception have the heads: never far off.
    assert name in ("googlenet",) or abs(state / 2**20 - meta["_file_size"]) < 0.03 * meta["_file_size"] + 0.1


def test_names_of_older_documents():
    assert models.densenet_161 is models.densenet161


def test_builders_are_in_the_dictionary():
    """As in `models.__dict__[args.arch]()`, which lists its choices so."""
    names = sorted(name for name, value in vars(models).items() if name.islower() and callable(value))
    assert set(CLASSIFIERS) <= set(names)
    assert [name for name in ("alexnet", "googlenet") if isinstance(vars(models)[name], type(models))] == []


def test_memory_efficient_densenet_computes_the_same(monkeypatch):
    """Half of each layer runs once more on the way back, and nothing else differs."""
    plain = models.DenseNet(4, (2, 2), 8, num_classes=3)
    saving = models.DenseNet(4, (2, 2), 8, num_classes=3, memory_efficient=True)
    saving.load_state_dict(plain.state_dict())
    runs = {False: 0, True: 0}
    half = models.densenet._DenseLayer.bn_function

    def counted(layer, inputs):
        runs[layer.memory_efficient] += 1
        return half(layer, inputs)

    monkeypatch.setattr(models.densenet._DenseLayer, "bn_function", counted)
    images = torch.randn(2, 3, 32, 32)
    gradients = []
    for model in (plain, saving):
        model(images.requires_grad_()).square().sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert runs == {False: 4, True: 8}
    for one, other in zip(*gradients):
        torch.testing.assert_close(one, other)
    with torch.no_grad():
        saving(images)
    assert runs[True] == 12  # no way back, nothing to save


def test_channel_shuffle_is_a_transposition():
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert models.shufflenetv2.channel_shuffle(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_dilation_keeps_pictures_large():
    model = models.ResNet(
        models.resnet.Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True]
    )
    inside = _utils.IntermediateLayerGetter(model, {"layer2": "2", "layer4": "4"})
    out = inside(torch.zeros(1, 3, 64, 64))
    assert out["2"].shape[2:] == out["4"].shape[2:] == (8, 8)
    strided = models.ResNet(models.resnet.Bottleneck, [1, 1, 1, 1])
    assert sum(p.numel() for p in strided.parameters()) == sum(p.numel() for p in model.parameters())


def test_blocks_may_start_as_the_identity():
    block = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], zero_init_residual=True).layer1[0].eval()
    x = torch.rand(1, 64, 5, 5)
    torch.testing.assert_close(block(x), x)
    assert (block.bn1.weight == 1).all()  # only the last norm, or nothing would be learnt


def test_pictures_of_other_statistics():
    """Normalised with ImageNet's, a picture becomes what it is when normalised with 0.5 and 0.5."""
    picture = torch.rand(2, 3, 4, 4)
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    net = models.GoogLeNet(num_classes=2, transform_input=True, init_weights=False)
    torch.testing.assert_close(net._transform_input((picture - mean) / std), (picture - 0.5) / 0.5)


class Own_Weights(models.WeightsEnum):
    FIRST = models.Weights("https://example.org/own.pth", dict, {"categories": ["a", "b"]})
    DEFAULT = FIRST


class TestRegistry:
    def test_a_network_of_ones_own(self, monkeypatch):
        models.list_models()  # every module has entered its own by now
        monkeypatch.setattr(_api, "BUILTIN_MODELS", dict(_api.BUILTIN_MODELS))

        @_api.register_model("own_net")
        def build(*, weights: Own_Weights | None = None, features: int = 3) -> nn.Module:
            return nn.Linear(features, 2)

        assert models.get_model("Own_Net", features=4).in_features == 4
        assert models.get_model_weights("own_net") is models.get_model_weights(build) is Own_Weights
        assert "own_net" in models.list_models(include="own*") and Own_Weights.verify("DEFAULT").url.endswith(
            "own.pth"
        )
        assert list(Own_Weights) == [Own_Weights.FIRST] and Own_Weights["DEFAULT"] is Own_Weights.FIRST
        with pytest.raises(ValueError, match="already registered"):
            _api.register_model("own_net")(build)

    def test_an_annotation_that_means_nothing(self):
        def build(*, weights: Nothing_Weights | None = None) -> None: ...  # noqa: F821

        with pytest.raises(ValueError, match="couldn't be retrieved"):
            models.get_model_weights(build)

    def test_errors_say_the_name(self):
        with pytest.raises(ValueError, match="Unknown model resnet19"):
            models.get_model("ResNet19")
        with pytest.raises(ValueError, match="'ResNet18_Weights'"):
            models.get_weight("ResNet18_Weights")
        with pytest.raises(TypeError, match=r"expected ResNet18_Weights but received ResNet34_Weights"):
            models.resnet18(weights=models.ResNet34_Weights.DEFAULT)
        with pytest.raises(ValueError, match="'num_classes' expected value 1000 but got 10"):
            models.resnet18(weights="DEFAULT", num_classes=10)
        with pytest.raises(TypeError, match="no_such"):
            models.mobilenet_v3_small(no_such=1)

    def test_too_many_by_position(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
                models.resnet18(False, True, 10)


class TestFiles:
    """Weights come from the cache of torch.hub, into which only whole and right files get."""

    @pytest.fixture
    def published(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The file of `squeezenet1_1`, with an address of its own."""
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(torch.hub, "_hub_dir", None)
        path = tmp_path / "net.pth"
        model = models.SqueezeNet("1_1")
        torch.save(model.state_dict(), path)
        named = path.with_name(f"net-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth")
        path.rename(named)
        monkeypatch.setattr(models.SqueezeNet1_1_Weights.DEFAULT.value, "url", named.as_uri())
        return named

    def test_loaded(self, published):
        wanted = torch.load(published)
        for ask in ("DEFAULT", models.SqueezeNet1_1_Weights.IMAGENET1K_V1):
            got = models.squeezenet1_1(weights=ask, progress=False).state_dict()
            assert list(got) == list(wanted) and all(torch.equal(got[key], wanted[key]) for key in wanted)
        published.unlink()  # it is in the cache now
        models.squeezenet1_1(weights="DEFAULT")

    def test_the_older_way(self, published):
        with pytest.warns(UserWarning, match="deprecated") as caught:
            models.squeezenet1_1(pretrained=True, progress=False)
        assert len(caught) == 2 and "SqueezeNet1_1_Weights.IMAGENET1K_V1" in str(caught[1].message)

    def test_a_changed_file(self, published):
        published.write_bytes(published.read_bytes()[:-1] + b"?")
        with pytest.raises(RuntimeError, match="hash"):
            models.squeezenet1_1(weights="DEFAULT", progress=False)
        assert not list(Path(torch.hub.get_dir(), "checkpoints").glob("*"))

    def test_of_another_network(self, published, monkeypatch):
        with pytest.raises(RuntimeError, match="size mismatch"):
            torch.save(models.SqueezeNet("1_0").state_dict(), published)
            begin = hashlib.sha256(published.read_bytes()).hexdigest()[:8]
            other = published.rename(published.with_name(f"other-{begin}.pth"))
            monkeypatch.setattr(models.SqueezeNet1_1_Weights.DEFAULT.value, "url", other.as_uri())
            models.squeezenet1_1(weights="DEFAULT", progress=False)


PROGRAM = """
import sys, tritonnn
tritonnn.serve()
import torchvision.models as models
from torchvision.models.resnet import ResNet, BasicBlock
from torchvision.models.alexnet import AlexNet
import torchvision.models.googlenet
assert callable(models.alexnet) and callable(models.googlenet)
assert models.resnet18(num_classes=2).__class__.__module__ == "torchvision.models.resnet"
assert models.AlexNet_Weights.__module__ == "torchvision.models.alexnet"
assert models.WeightsEnum.__module__ == models.Weights.__module__ == "torchvision.models._api"
assert models.get_model_weights("alexnet") is models.AlexNet_Weights
assert "torchvision.models.detection" not in sys.modules
print(repr(models.AlexNet_Weights.DEFAULT))
"""


def test_served_as_torchvision():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.stdout.strip() == "AlexNet_Weights.IMAGENET1K_V1", done.stderr


@pytest.mark.parametrize("device", ["cuda"])
def test_on_the_gpu(device):
    """A network gives there what it gives on the CPU."""
    model = models.MobileNetV2(
        num_classes=4, width_mult=0.1, inverted_residual_setting=[[2, 16, 2, 2]]
    ).eval()
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        wanted = model(images)
        got = model.to(device)(images.to(device)).cpu()
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-5)
