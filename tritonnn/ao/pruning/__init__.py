"""torch.ao.pruning, refused: `torch.nn.utils.prune` prunes."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.ao.pruning",
    "tritonnn has no sparsifiers of torch.ao; torch.nn.utils.prune prunes parameters",
    functions="get_dynamic_sparse_quantized_mapping get_static_sparse_quantized_mapping",
    classes="BaseScheduler BaseSparsifier CubicSL FakeSparsity LambdaSL NearlyDiagonalSparsifier WeightNormSparsifier",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
