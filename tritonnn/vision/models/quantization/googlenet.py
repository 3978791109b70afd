"""GoogLeNet with the places marked where tensors would be quantised."""

from __future__ import annotations

import warnings
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _ovewrite_named_param, handle_legacy_interface
from tritonnn.vision.models.googlenet import (
    BasicConv2d,
    GoogLeNet,
    GoogLeNet_Weights,
    GoogLeNetOutputs,
    Inception,
    InceptionAux,
)
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, refuse, resolved

__all__ = ["GoogLeNet_QuantizedWeights", "QuantizableGoogLeNet", "googlenet"]


class QuantizableBasicConv2d(BasicConv2d):
    """A `BasicConv2d` whose ReLU is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        _fuse_modules(self, ["conv", "bn", "relu"], is_qat, inplace=True)


class QuantizableInception(Inception):
    """An `Inception` whose branches are joined by a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, conv_block=QuantizableBasicConv2d, **kwargs)  # type: ignore[misc]
        self.cat = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        return self.cat.cat(self._forward(x), 1)


class QuantizableInceptionAux(InceptionAux):
    """An `InceptionAux` whose ReLU is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, conv_block=QuantizableBasicConv2d, **kwargs)  # type: ignore[misc]
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(self.conv(F.adaptive_avg_pool2d(x, (4, 4))), 1)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class QuantizableGoogLeNet(Stubbed, GoogLeNet):
    """A `GoogLeNet` between stubs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        blocks = [QuantizableBasicConv2d, QuantizableInception, QuantizableInceptionAux]
        super().__init__(*args, blocks=blocks, **kwargs)

    def forward(self, x: Tensor) -> GoogLeNetOutputs | Tensor:
        x, aux2, aux1 = self._forward(self.quant(self._transform_input(x)))
        return self.eager_outputs(self.dequant(x), aux2, aux1)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        for module in list(self.modules()):
            if type(module) is QuantizableBasicConv2d:
                module.fuse_model(is_qat)


@resolved
class GoogLeNet_QuantizedWeights(WeightsEnum, data="quantization.googlenet"):
    """Quantised weights of `googlenet`."""


@register_model(name="quantized_googlenet")
@handle_legacy_interface(weights=("pretrained", GoogLeNet_Weights.IMAGENET1K_V1))
def googlenet(
    *,
    weights: GoogLeNet_QuantizedWeights | GoogLeNet_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableGoogLeNet:
    """GoogLeNet between stubs.

    Args:
        weights: trained ones: a member of `GoogLeNet_Weights` or its name; None for random ones. The further heads
            are left out of trained ones unless `aux_logits=True` is said.
        progress: whether a download shows how far it is.
        quantize: refused: tritonnn has no quantised tensors.
        kwargs: of `GoogLeNet`.
    """
    refuse(quantize)
    weights = GoogLeNet_Weights.verify(weights)
    wants_heads = kwargs.get("aux_logits", False)
    if weights is not None:
        kwargs.setdefault("transform_input", True)
        kwargs["aux_logits"] = True  # as the file has them
        _ovewrite_named_param(kwargs, "init_weights", False)
    model = plain(QuantizableGoogLeNet, weights, GoogLeNet_Weights, progress, quantize, kwargs)
    if weights is not None and not wants_heads:
        model.aux_logits = False
        model.aux1 = model.aux2 = None
    elif weights is not None:
        warnings.warn(
            "auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them"
        )
    return model
