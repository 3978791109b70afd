"""What the arguments of an entry are called in its annotations, where it is more than one class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn._tensor import Tensor

Number = bool | int | float | complex
Operand = Tensor | Number | np.ndarray | np.generic  # what stands beside a tensor in `x + y`
Count = int  # also as a tensor of one element, of any number of dimensions
Ints = tuple[int, ...]
IntOrInts = int | Sequence[int]
Dims = int | Sequence[int] | None
OptionalSize = int | Sequence[int | None] | None  # None keeps an extent
Blocks = int | Sequence[int] | None  # extents of the blocks of a sparse matrix
Tensors = Sequence[Tensor]
Pooled = Tensor | tuple[Tensor, Tensor]  # with indices where they are asked for
Geometry = tuple[Sequence[int], Sequence[int], int]  # what the body of a view returns: shape, strides, offset
