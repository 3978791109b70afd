"""AdaptiveLogSoftmaxWithLoss: softmax over very many classes of unequal frequency."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.container import ModuleList, Sequential
from tritonnn.nn.modules.linear import Linear
from tritonnn.ops.joining.joining import cat

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities through a head of frequent classes and clusters of rarer ones (Grave et al. 2017).

    The head scores the first cutoffs[0] classes and one entry per cluster; cluster i projects to in_features
    /
    div_value^(i+1) features before it scores its own classes. Classes must be sorted from frequent to rare.

    Args:
        in_features: extent of the input's last dimension.
        n_classes: number of classes.
        cutoffs: first class of each cluster, increasing.
        div_value: how much smaller each cluster's projection is than the one before.
        head_bias: whether the head has a bias.
        device, dtype: of the parameters.

    Shapes: forward(input (N, in_features), target (N)) or without N -> (output (N): the targets'
        log-probabilities,
    loss: -mean(output)).

    >>> import tritonnn as torch
    >>> m = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, cutoffs=[4, 10], div_value=2.)
    >>> m(torch.ones(5, 8), torch.tensor([0, 3, 5, 12, 19])).output.shape, m.log_prob(torch.ones(5, 8)).shape
    (torch.Size([5]), torch.Size([5, 20]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or cutoffs[0] <= 0
            or cutoffs[-1] > n_classes - 1
            or any(int(cutoff) != cutoff for cutoff in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                "where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            classes = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, device=device, dtype=dtype),
                    Linear(hidden, classes, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        for layer in (self.head, *(linear for cluster in self.tail for linear in cluster)):  # type: ignore[attr-defined]
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        self._check(input_, target_)
        batched = target_.ndim > 0
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        head = F.log_softmax(self.head(input), dim=1)
        # Column of the head that stands for each target: its own, or its cluster's.
        column = target.clone()
        output = input.new_zeros(target.shape[0])
        for i, cluster in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            column = column.index_fill(0, rows, self.shortlist_size + i)
            scores = F.log_softmax(cluster(input.index_select(0, rows)), dim=1)
            within = scores.gather(1, (target.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            output = output.index_add(0, rows, within.to(output.dtype))
        output = output + head.gather(1, column.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _check(self, input: Tensor, target: Tensor) -> None:
        error = explained(RuntimeError)
        if target.ndim == 1:
            if input.shape[0] != target.shape[0]:
                raise error("Input and target should have the same size in the batch dimension.")
            if input.ndim != 2:
                raise error(
                    f"1D target tensor expects 2D input tensors, but found inputs with size {input.size()}"
                )
        elif target.ndim == 0:
            if input.ndim != 1:
                raise error(
                    f"0D target tensor expects 1D input tensors, but found inputs with size {input.size()}"
                )
        else:
            raise error("0D or 1D target tensor expected, multi-target not supported")
        if target.numel():
            low, high = target.min().item(), target.max().item()
            if low < 0 or high >= self.n_classes:
                raise error(
                    f"Target values should be in [0, {self.n_classes - 1}], but values in range [{low}, "
                    f"{high}] were found. "
                )

    def log_prob(self, input: Tensor) -> Any:
        """Log-probabilities (N, n_classes) of all classes."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return cat(parts, dim=1)

    def predict(self, input: Tensor) -> Any:
        """The most probable class of each row."""
        return self.log_prob(input).argmax(dim=1)
