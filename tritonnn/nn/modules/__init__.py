"""Layers, one file per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritonnn.nn.modules import (
    adaptive_pooling,
    container,
    conv,
    fractional_pooling,
    lazyconv,
    linear_cross_entropy,
    linear_cross_entropy_options,
    loss,
    parameter_container,
    pooling,
)
from tritonnn.nn.modules._constants import set_constants
from tritonnn.nn.modules.activation import *
from tritonnn.nn.modules.adaptive import *
from tritonnn.nn.modules.adaptive_pooling import *
from tritonnn.nn.modules.batchnorm import *
from tritonnn.nn.modules.channelshuffle import *
from tritonnn.nn.modules.container import *
from tritonnn.nn.modules.conv import *
from tritonnn.nn.modules.distance import *
from tritonnn.nn.modules.dropout import *
from tritonnn.nn.modules.flatten import *
from tritonnn.nn.modules.fold import *
from tritonnn.nn.modules.fractional_pooling import *
from tritonnn.nn.modules.instancenorm import *
from tritonnn.nn.modules.lazyconv import *
from tritonnn.nn.modules.linear import *
from tritonnn.nn.modules.linear_cross_entropy import *
from tritonnn.nn.modules.loss import *
from tritonnn.nn.modules.module import Module as Module
from tritonnn.nn.modules.normalization import *
from tritonnn.nn.modules.padding import *
from tritonnn.nn.modules.parameter_container import *
from tritonnn.nn.modules.pixelshuffle import *
from tritonnn.nn.modules.pooling import *
from tritonnn.nn.modules.rnn import *
from tritonnn.nn.modules.sparse import *
from tritonnn.nn.modules.transformer import *
from tritonnn.nn.modules.upsampling import *

# PyTorch has these in fewer files, which are named where it has saved whole modules.
for _home, _parts in (
    (container, (parameter_container,)),
    (conv, (lazyconv,)),
    (loss, (linear_cross_entropy,)),
    (pooling, (adaptive_pooling, fractional_pooling)),
):
    for _part in _parts:
        vars(_home).update({name: getattr(_part, name) for name in _part.__all__})

set_constants()

if not TYPE_CHECKING:  # to type checkers a list that is computed is an empty one
    # The classes only: `import *` would else take the files of this folder along.
    __all__ = [name for name, value in globals().items() if isinstance(value, type)]
