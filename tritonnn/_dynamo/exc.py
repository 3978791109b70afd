"""What compiling raises in PyTorch."""

from __future__ import annotations

__all__ = ["InvalidBackend", "TorchDynamoException", "Unsupported"]


class TorchDynamoException(RuntimeError):
    """Any of them."""


class InvalidBackend(TorchDynamoException):
    """There is no backend of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Invalid backend: {name!r}, see `torch._dynamo.list_backends()` for available backends."
        )


class Unsupported(TorchDynamoException):
    """What a compiler could not take; never raised, as there is none."""
