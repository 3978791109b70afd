"""What `vmap_db.py` shows to differ from PyTorch's vmap, and why; nothing here is a loop where PyTorch has a rule."""

from __future__ import annotations

UNIMPLEMENTED = "PyTorch has no batching rule for it, and cannot loop either"
CHANNELS_LAST = "PyTorch asks for the rank of a sample before it knows that of the batch"
VECTORS = "singular vectors and eigenvectors are determined but for their signs"
BESSEL = "PyTorch's coefficients are good for 6 digits; ours agrees with SciPy to 13"
VALUES = "PyTorch looks at values of one sample, ours at those of all"

#: "name: kind" -> the reason
KNOWN: dict[str, str] = {
    **dict.fromkeys(
        [
            f"{name}: accepted"
            for name in (
                "bfloat16", "bool", "byte", "char", "double", "float", "half", "int", "long", "short", "cdouble",
                "cfloat", "to",
            )
        ],
        CHANNELS_LAST,
    ),
    **dict.fromkeys(
        [
            f"{name}: accepted"
            for name in (
                "as_strided_scatter", "column_stack", "cov", "equal", "histogramdd", "narrow", "nn.functional.rrelu",
                "tensor_split",
            )
        ],
        UNIMPLEMENTED,
    ),
    **dict.fromkeys(("linalg.eigh: value", "linalg.svd: value", "svd: value"), VECTORS),
    **dict.fromkeys([f"special.{name}: value" for name in ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y1")], BESSEL),
    "nn.functional.gaussian_nll_loss: accepted": VALUES,
    "nn.functional.scaled_dot_product_attention: accepted": "masks of dropout that differ by sample are drawn as such",
    "index_put: accepted": "a mask that is the same for all samples names as many elements in each",
    "index_fill: value": "PyTorch fills the first sample with the number of the second",
    "resize_as_: accepted": "only the shape of the other tensor is looked at, which all samples share",
    "linalg.pinv: value": "of no elements PyTorch forgets that a tolerance is batched",
}  # fmt: skip
