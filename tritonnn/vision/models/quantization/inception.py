"""Inception v3 with the places marked where tensors would be quantised."""

from __future__ import annotations

from typing import Any

from tritonnn import Tensor, nn
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.nn import functional as F
from tritonnn.vision.models import inception as plain_inception
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _ovewrite_named_param, handle_legacy_interface
from tritonnn.vision.models.inception import Inception_V3_Weights, InceptionOutputs
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, refuse, resolved

__all__ = ["Inception_V3_QuantizedWeights", "QuantizableInception3", "inception_v3"]


class QuantizableBasicConv2d(plain_inception.BasicConv2d):
    """A `BasicConv2d` whose ReLU is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        _fuse_modules(self, ["conv", "bn", "relu"], is_qat, inplace=True)


class _Joined(nn.Module):
    """Mixin of a block: its branches are joined by a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, conv_block=QuantizableBasicConv2d, **kwargs)
        self.myop = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        return self.myop.cat(self._forward(x), 1)


class QuantizableInceptionA(_Joined, plain_inception.InceptionA):
    """An `InceptionA` whose branches are joined by a module."""


class QuantizableInceptionB(_Joined, plain_inception.InceptionB):
    """An `InceptionB` whose branches are joined by a module."""


class QuantizableInceptionC(_Joined, plain_inception.InceptionC):
    """An `InceptionC` whose branches are joined by a module."""


class QuantizableInceptionD(_Joined, plain_inception.InceptionD):
    """An `InceptionD` whose branches are joined by a module."""


class QuantizableInceptionE(plain_inception.InceptionE):
    """An `InceptionE` whose branches are joined by modules."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, conv_block=QuantizableBasicConv2d, **kwargs)  # type: ignore[misc]
        self.myop1 = FloatFunctional()
        self.myop2 = FloatFunctional()
        self.myop3 = FloatFunctional()

    def _forward(self, x: Tensor) -> list[Tensor]:
        once = self.branch3x3_1(x)
        once = self.myop1.cat([self.branch3x3_2a(once), self.branch3x3_2b(once)], 1)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        twice = self.myop2.cat([self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)], 1)
        pooled = self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1))
        return [self.branch1x1(x), once, twice, pooled]

    def forward(self, x: Tensor) -> Tensor:
        return self.myop3.cat(self._forward(x), 1)


class QuantizableInceptionAux(plain_inception.InceptionAux):
    """An `InceptionAux` whose ReLUs are modules."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, conv_block=QuantizableBasicConv2d, **kwargs)  # type: ignore[misc]


class QuantizableInception3(Stubbed, plain_inception.Inception3):
    """An `Inception3` between stubs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        blocks = [
            QuantizableBasicConv2d, QuantizableInceptionA, QuantizableInceptionB, QuantizableInceptionC,
            QuantizableInceptionD, QuantizableInceptionE, QuantizableInceptionAux,
        ]  # fmt: skip
        super().__init__(*args, inception_blocks=blocks, **kwargs)

    def forward(self, x: Tensor) -> InceptionOutputs | Tensor:
        x, aux = self._forward(self.quant(self._transform_input(x)))
        return self.eager_outputs(self.dequant(x), aux)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        for module in list(self.modules()):
            if type(module) is QuantizableBasicConv2d:
                module.fuse_model(is_qat)


@resolved
class Inception_V3_QuantizedWeights(WeightsEnum, data="quantization.inception"):
    """Quantised weights of `inception_v3`."""


@register_model(name="quantized_inception_v3")
@handle_legacy_interface(weights=("pretrained", Inception_V3_Weights.IMAGENET1K_V1))
def inception_v3(
    *,
    weights: Inception_V3_QuantizedWeights | Inception_V3_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableInception3:
    """Inception v3 between stubs.

    Args:
        weights: trained ones: a member of `Inception_V3_Weights` or its name; None for random ones. The further head
            is left out of trained ones unless `aux_logits=True` is said.
        progress: whether a download shows how far it is.
        quantize: refused: tritonnn has no quantised tensors.
        kwargs: of `Inception3`.
    """
    refuse(quantize)
    weights = Inception_V3_Weights.verify(weights)
    wants_head = kwargs.get("aux_logits", False)
    if weights is not None:
        kwargs.setdefault("transform_input", True)
        kwargs["aux_logits"] = True  # as the file has it
        _ovewrite_named_param(kwargs, "init_weights", False)
    model = plain(QuantizableInception3, weights, Inception_V3_Weights, progress, quantize, kwargs)
    if weights is not None and not wants_head:
        model.aux_logits = False
        model.AuxLogits = None
    return model
