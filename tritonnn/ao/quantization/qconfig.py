"""How layers are to be quantised: the pair of factories can be made, the ready ones are refused."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from tritonnn._refusals import QUANTIZED, refused
from tritonnn.nn.module import Module


class QConfig(namedtuple("QConfig", ["activation", "weight"])):
    """Factories of what observes activations and weights.

    >>> import tritonnn as torch
    >>> torch.ao.quantization.QConfig(torch.nn.Identity, torch.nn.Identity).weight is torch.nn.Identity
    True
    """

    __slots__ = ()

    def __new__(cls, activation: Any, weight: Any) -> QConfig:
        if isinstance(activation, Module) or isinstance(weight, Module):
            raise ValueError(
                "QConfig received observer instance, please pass observer class instead. Use MyObserver.with_args(x=1)"
            )
        return super().__new__(cls, activation, weight)


_REFUSED = refused(
    "torch.ao.quantization.qconfig",
    QUANTIZED,
    functions="get_default_qat_qconfig get_default_qat_qconfig_dict get_default_qconfig get_default_qconfig_dict",
    classes="QConfigDynamic",
)
globals().update(_REFUSED)
__all__ = ["QConfig", *_REFUSED]
