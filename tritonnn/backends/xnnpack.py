"""XNNPACK, which tritonnn does not use: `enabled` is False and cannot be set."""

from __future__ import annotations

enabled = False
