"""The functions behind layers by their oldest name, refused."""

from __future__ import annotations

from tritonnn._refusals import refusing

_get_thnn_function_backend = refusing(
    "torch.nn.backends.thnn._get_thnn_function_backend",
    "the functions of layers are those of torch.nn.functional",
)
