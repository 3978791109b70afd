"""The same random numbers for torchvision and for ours: what both draw comes from one stream of NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as theirs

import tritonnn as ours


class Draws:
    """What both libraries draw. `restart` begins again, so that the second one is given what the first one was."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.restart(0)
        for torch in (theirs, ours):
            self._replace(patch, torch)

    def restart(self, seed: int) -> None:
        self.numbers = np.random.default_rng(seed)

    def _replace(self, patch: pytest.MonkeyPatch, torch: Any) -> None:
        def tensor(values: Any, dtype: Any = np.float32) -> Any:
            return torch.from_numpy(np.asarray(values, dtype=dtype))

        def rand(*size: Any) -> Any:
            shape = size[0] if size and isinstance(size[0], (tuple, list)) else size
            return tensor(self.numbers.random(shape))

        def randint(low: int, high: Any = None, size: Any = None, **options: Any) -> Any:
            if not isinstance(high, (int, np.integer)):
                low, high, size = 0, low, high if size is None else size
            return tensor(self.numbers.integers(low, high, size or ()), np.int64)

        def filled(target: Any, values: Any) -> Any:
            return target.copy_(tensor(values))

        patch.setattr(torch, "rand", rand)
        patch.setattr(torch, "randint", randint)
        patch.setattr(torch, "randperm", lambda n: tensor(self.numbers.permutation(n), np.int64))
        patch.setattr(
            torch, "randn_like", lambda x, dtype=None: tensor(self.numbers.normal(size=tuple(x.shape)))
        )
        patch.setattr(
            torch, "_sample_dirichlet", lambda x: tensor(self.numbers.dirichlet(x[0].tolist(), x.shape[0]))
        )
        patch.setattr(
            torch, "multinomial", lambda p, n: tensor([self.numbers.choice(len(p), p=p.tolist())], np.int64)
        )
        beta = lambda dist, shape=(): tensor([self.numbers.beta(0.7, 0.7)])
        patch.setattr(torch.distributions.Beta, "sample", beta)
        uniform = lambda x, low=0, high=1: filled(
            x, self.numbers.uniform(float(low), float(high), tuple(x.shape))
        )
        patch.setattr(torch.Tensor, "uniform_", uniform)
        patch.setattr(torch.Tensor, "normal_", lambda x: filled(x, self.numbers.normal(size=tuple(x.shape))))


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> Draws:
    return Draws(monkeypatch)
