"""What the networks here share: stubs around a network, fusing of its layers, and what builds it.

They are the plain networks with the places marked where tensors would be quantised. tritonnn has no quantised tensors,
so they compute in floating point: stubs and `FloatFunctional` do nothing more. Weights of the plain networks fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from tritonnn import Tensor, nn
from tritonnn._refusals import QUANTIZED
from tritonnn.ao.quantization import DeQuantStub, QuantStub, fuse_modules, fuse_modules_qat
from tritonnn.vision.models._api import WeightsEnum, get_weight
from tritonnn.vision.models._utils import classifier

Network = TypeVar("Network", bound=nn.Module)
Enumeration = TypeVar("Enumeration", bound=type[WeightsEnum])


class Stubbed(nn.Module):
    """Mixin of a network: stubs before and behind it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quant = QuantStub()
        self.dequant = DeQuantStub()

    def forward(self, x: Tensor) -> Any:
        return self.dequant(self._forward_impl(self.quant(x)))


def _replace_relu(module: nn.Module) -> None:
    """ReLU and ReLU6, but for classes made of them, become ReLUs that do not work in place."""
    for name, child in list(module.named_children()):
        _replace_relu(child)
        if type(child) in (nn.ReLU, nn.ReLU6):
            module._modules[name] = nn.ReLU(inplace=False)


def quantize_model(model: nn.Module, backend: str) -> NoReturn:
    """Refused: tritonnn has no quantised tensors."""
    raise NotImplementedError(f"torchvision.models.quantization.utils.quantize_model: {QUANTIZED}")


def _fuse_modules(
    model: nn.Module, modules_to_fuse: list[str] | list[list[str]], is_qat: bool | None, **kwargs: Any
) -> nn.Module:
    """Fuse layers that follow each other; `is_qat` None asks whether the model is in training."""
    is_qat = model.training if is_qat is None else is_qat
    return (fuse_modules_qat if is_qat else fuse_modules)(model, modules_to_fuse, **kwargs)


def plain(
    network: Callable[..., Network],
    weights: WeightsEnum | str | None,
    enumeration: type[WeightsEnum],
    progress: bool,
    quantize: bool,
    kwargs: dict[str, Any],
) -> Network:
    """A network that computes in floating point, with weights of the plain network.

    Args:
        network: what builds it.
        weights: trained ones: a member of `enumeration` or its name; None for random ones.
        enumeration: the plain network's weights.
        progress: whether a download shows how far it is.
        quantize: refused.
        kwargs: of `network`; and `backend`, which says what would compute with quantised tensors.
    """
    refuse(quantize)
    kwargs.pop("backend", None)

    def build(**kwargs: Any) -> Network:
        model = network(**kwargs)
        _replace_relu(model)
        return model

    return classifier(build, enumeration.verify(weights), progress, kwargs)


def refuse(quantize: bool) -> None:
    """Raises NotImplementedError where a quantised network is asked for."""
    if quantize:
        raise NotImplementedError(f"torchvision.models.quantization with quantize=True: {QUANTIZED}")


def resolved(enumeration: Enumeration) -> Enumeration:
    """An enumeration whose members name the weights that they were made from, with these in the place of the names."""
    for member in enumeration:
        member.meta["unquantized"] = get_weight(member.meta["unquantized"])
    return enumeration
