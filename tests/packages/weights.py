"""Numbers that are the same whichever library is under test."""

from __future__ import annotations

import zlib

import numpy as np
import torch


def drawn(name: str, *shape: int) -> torch.Tensor:
    """Normally distributed numbers, a function of the name and the shape."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    return torch.from_numpy(numbers.astype(np.float32))


def tokens(name: str, vocabulary: int, *shape: int) -> torch.Tensor:
    """Integers from 3 on: smaller ones have a meaning of their own in many vocabularies."""
    numbers = np.random.default_rng(zlib.crc32(name.encode())).integers(3, vocabulary, shape)
    return torch.from_numpy(numbers)


def fill(model: torch.nn.Module, scale: float = 0.2) -> torch.nn.Module:
    """Give every parameter numbers that depend on its name alone; returns the model.

    Scales of normalisation layers are near 1, all others near 0.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0
            parameter.copy_(centre + scale * drawn(name, *parameter.shape))
    return model


def steps(model, batch, count=3, lr=1e-2, forward=None):
    """(losses, norms of the gradients) of so many steps of AdamW on one batch."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
    losses, norms = [], []
    model.train()
    for _ in range(count):
        optimizer.zero_grad()
        loss = forward(model) if forward else model(**batch).loss
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms
