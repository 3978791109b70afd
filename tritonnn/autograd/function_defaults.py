"""What a `Function` has where its subclass defines nothing."""

from __future__ import annotations

from typing import Any

from tritonnn.autograd.transformed import NO_JVP, NO_VMAP


def forward(*args: object, **kwargs: object) -> Any:
    """Compute the results; to be defined by the subclass."""
    raise NotImplementedError("You must implement the forward function for custom autograd.Function.")


def backward(ctx: object, *grad_outputs: object) -> Any:
    """One gradient per argument of forward, None for those without; to be defined by the subclass."""
    raise NotImplementedError("You must implement the backward function for your custom autograd.Function.")


def jvp(ctx: object, *grad_inputs: object) -> Any:
    """The derivatives of the results along tangents of the arguments; may be defined by the subclass."""
    raise NotImplementedError(NO_JVP)


def vmap(info: object, in_dims: object, *args: object) -> Any:
    """(outputs, where the samples are in them) of batches; may be defined by the subclass."""
    raise NotImplementedError(NO_VMAP)
