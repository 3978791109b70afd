"""What a `Function` has where its subclass defines nothing."""

from __future__ import annotations

from typing import Any

from tritonnn.autograd.transformed import NO_JVP, NO_VMAP


def forward(*args: Any, **kwargs: Any) -> Any:
    """Compute the results; to be defined by the subclass."""
    raise NotImplementedError("You must implement the forward function for custom autograd.Function.")


def backward(ctx: Any, *grad_outputs: Any) -> Any:
    """One gradient per argument of forward, None for those without; to be defined by the subclass."""
    raise NotImplementedError("You must implement the backward function for your custom autograd.Function.")


def jvp(ctx: Any, *grad_inputs: Any) -> Any:
    """The derivatives of the results along tangents of the arguments; may be defined by the subclass."""
    raise NotImplementedError(NO_JVP)


def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
    """(outputs, where the samples are in them) of batches; may be defined by the subclass."""
    raise NotImplementedError(NO_VMAP)
