"""Shapes at which an op is not compared with PyTorch, and why."""

from __future__ import annotations

# op -> (unusual shapes that are not compared, why)
SHAPE: dict[str, tuple[tuple[str, ...], str]] = {
    "take_along_dim": (("one",), "PyTorch reads past the end of its input"),
    "affine_grid_generator": (
        (
            "0-d",
            "one",
            "no columns",
        ),
        "PyTorch leaves the refusal to its products",
    ),
    "aten_batch_norm": (
        (
            "no rows",
            "no columns",
        ),
        "of tensors of nothing PyTorch looks at other sizes first",
    ),
    "cholesky": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch does not ask whether matrices of nothing are square",
    ),
    "cond": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch does not ask whether matrices of nothing are square",
    ),
    "cov": (("no columns",), "PyTorch refuses weights of nothing that sum to 0"),
    "fft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "fftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "fftshift": (("0-d",), "PyTorch's roll refuses a tensor of no dimensions"),
    "hfft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "hfftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "ifft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "ifftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "ifftshift": (("0-d",), "PyTorch's roll refuses a tensor of no dimensions"),
    "ihfft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "ihfftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "irfft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "irfftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "matrix_rank": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch does not ask whether matrices of nothing are square",
    ),
    "norm_except_dim": (
        (
            "0-d",
            "no rows",
            "no columns",
        ),
        "PyTorch's view of nothing is refused",
    ),
    "pinv": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch does not ask whether matrices of nothing are square",
    ),
    "rfft": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch's FFT library refuses batches of nothing",
    ),
    "rfftn": (("no rows",), "PyTorch's FFT library refuses batches of nothing"),
    "segment_reduce": (
        (
            "0-d",
            "no rows",
            "no columns",
        ),
        "PyTorch takes the minimum of no lengths",
    ),
    "tensorsolve": (
        (
            "no rows",
            "no columns",
        ),
        "PyTorch does not look at the sizes of nothing",
    ),
    "multilabel_soft_margin_loss": (("0-d",), "PyTorch averages over a dimension that is not there"),
    "scaled_dot_product_attention": (
        ("no rows", "no columns"),
        "PyTorch does not look at the mask of nothing",
    ),
    **dict.fromkeys(
        ("functional_batch_norm", "functional_instance_norm"),
        (("no rows", "no columns"), "PyTorch does not look at running statistics of another size"),
    ),
    "instance_norm": (("one",), "PyTorch does not look at running statistics of another size"),
    "adaptive_avg_pool2d": (
        ("no columns",),
        "PyTorch averages nothing in (C, H, 0), and refuses (N, C, H, 0)",
    ),
    **dict.fromkeys(
        ("lstm", "gru", "rnn_tanh", "rnn_relu"),
        (
            ("0-d", "one", "no rows", "no columns"),
            "PyTorch does not look at the sizes of weights, and reads past their end",
        ),
    ),
    "scaled_mm": (("no rows", "no columns"), "PyTorch does not look at the sizes and scales of nothing"),
    "index_add": (
        ("one",),
        "an index out of range is an IndexError or a RuntimeError, as PyTorch's choice of algorithm has it",
    ),
    "linear_cross_entropy": (("no rows",), "PyTorch divides by the number of its chunks"),
    "functional_embedding_bag": (
        ("no columns",),
        "PyTorch refuses rows of nothing by dividing by their length",
    ),
    "multi_margin_loss": (("no rows",), "PyTorch never writes the mean over nothing"),
    "multilabel_margin_loss": (("no rows",), "PyTorch never writes the mean over nothing"),
    "pixel_unshuffle": (
        ("no rows", "no columns"),
        "PyTorch gives another shape to nothing than to something",
    ),
}
