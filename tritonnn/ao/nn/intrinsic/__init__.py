"""Layers that belong together, such as a convolution and its ReLU, as one: what `fuse_modules` puts in their place."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from tritonnn import nn
from tritonnn._tensor import Tensor
from tritonnn.amp.switches import is_autocast_enabled
from tritonnn.ops.convolution.fused import convolution_relu

_KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    **{f"ConvReLU{d}d": (conv, nn.ReLU) for d, conv in enumerate((nn.Conv1d, nn.Conv2d, nn.Conv3d), 1)},
    "BNReLU2d": (nn.BatchNorm2d, nn.ReLU), "BNReLU3d": (nn.BatchNorm3d, nn.ReLU),
    "ConvBn1d": (nn.Conv1d, nn.BatchNorm1d), "ConvBn2d": (nn.Conv2d, nn.BatchNorm2d),
    "ConvBn3d": (nn.Conv3d, nn.BatchNorm3d), "ConvBnReLU1d": (nn.Conv1d, nn.BatchNorm1d, nn.ReLU),
    "ConvBnReLU2d": (nn.Conv2d, nn.BatchNorm2d, nn.ReLU), "ConvBnReLU3d": (nn.Conv3d, nn.BatchNorm3d, nn.ReLU),
    "LinearReLU": (nn.Linear, nn.ReLU), "LinearBn1d": (nn.Linear, nn.BatchNorm1d),
    "LinearLeakyReLU": (nn.Linear, nn.LeakyReLU), "LinearTanh": (nn.Linear, nn.Tanh),
}  # fmt: skip


class _FusedModule(nn.Sequential):
    """Layers in a row, each of the kind that the fused layer's name says."""

    kinds: tuple[type[nn.Module], ...] = ()

    def __init__(self, *layers: nn.Module) -> None:
        kinds = tuple(map(type, layers))
        assert len(kinds) == len(self.kinds) and all(map(issubclass, kinds, self.kinds)), (
            f"{type(self).__name__}: expected {', '.join(k.__name__ for k in self.kinds)}, but got "
            f"{', '.join(k.__name__ for k in kinds)}"
        )
        super().__init__(*layers)


class _ConvReLU(_FusedModule):
    """A convolution and its ReLU: one kernel where nothing asks for what is between them."""

    def forward(self, input: Tensor) -> Tensor:
        conv, relu = self[0], self[1]
        watched = any(getattr(layer, hooks) for layer in (conv, relu) for hooks in _HOOKS)
        plain = type(conv) in _PLAIN and type(relu) is nn.ReLU and not is_autocast_enabled(input.device.type)
        unpadded = isinstance(conv.padding, str) or conv.padding_mode != "zeros"
        if watched or not plain or unpadded or input.ndim != conv.weight.ndim or input.is_complex():
            return super().forward(input)
        return convolution_relu(
            input, conv.weight, conv.bias, None, 1.0, conv.stride, conv.padding, conv.dilation, conv.groups
        )


_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class ConvAdd2d(_FusedModule):
    """A convolution and the addition of another tensor."""

    def __init__(self, conv: nn.Module, add: Any) -> None:
        nn.Sequential.__init__(self, conv)
        self.add = add

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:  # type: ignore[override]
        return self.add(self[0](x1), x2)


class ConvAddReLU2d(_FusedModule):
    """A convolution, the addition of another tensor and a ReLU."""

    def __init__(self, conv: nn.Module, add: Any, relu: nn.Module) -> None:
        nn.Sequential.__init__(self, conv)
        self.add, self.relu = add, relu

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:  # type: ignore[override]
        return self.relu(self.add(self[0](x1), x2))


for _name, _layers in _KINDS.items():
    _doc = f"{', then '.join(kind.__name__ for kind in _layers)}, in a row."
    _fields = {"kinds": _layers, "__doc__": _doc, "__module__": __name__}
    globals()[_name] = type(_name, (_ConvReLU if _name.startswith("ConvReLU") else _FusedModule,), _fields)

__all__ = ["ConvAdd2d", "ConvAddReLU2d", *_KINDS]


def __getattr__(name: str) -> ModuleType:
    if name in ("qat", "quantized"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch.ao.nn.intrinsic.{name}")
