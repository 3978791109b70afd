"""Errors of TorchScript's compiler, which programs catch; nothing here raises them."""

from __future__ import annotations

__all__ = ["FrontendError", "NotSupportedError", "UnsupportedNodeError"]


class FrontendError(Exception):
    """Python that TorchScript could not take."""


class NotSupportedError(FrontendError):
    """Python that TorchScript does not have."""


class UnsupportedNodeError(NotSupportedError):
    """A statement that TorchScript does not have."""
