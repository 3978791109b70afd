"""Replaces itself by tritonnn.vision: see the package's docstring."""

from __future__ import annotations

from tritonnn import _run

_run.serve()
_run.replace("torchvision")
