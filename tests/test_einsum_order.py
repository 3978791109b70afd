"""einsum of several operands, in whichever order they are contracted."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.ops.linalg import _contraction_order
from tritonnn.utils.flop_counter import FlopCounterMode

EQUATIONS = {
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "ij,jk,kl,lm->mi": [(2, 9), (9, 4), (4, 5), (5, 2)],
    "...ij,jk,...kl->...il": [(2, 2, 3), (3, 4), (1, 4, 5)],
    "i,j,k->kij": [(2,), (3,), (4,)],
    "ij,ij,ij->": [(2, 3)] * 3,
    "ab,b,c->ac": [(2, 3), (1,), (4,)],
    "iij,jk,k->i": [(3, 3, 2), (2, 4), (4,)],
}


def paths(count: int):
    """Every order of pairs, and all at once."""
    yield [tuple(range(count))]
    for pairs in itertools.product(*(itertools.combinations(range(n), 2) for n in range(count, 1, -1))):
        yield list(pairs)


@pytest.mark.parametrize("equation", EQUATIONS)
def test_every_order_gives_the_same(equation, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in EQUATIONS[equation]]
    wanted = np.einsum(equation, *arrays)
    for path in paths(len(arrays)):
        package = SimpleNamespace(contract_path=lambda *args, path=path, **options: (path, None))
        monkeypatch.setattr(_contraction_order, "opt_einsum", lambda package=package: package)
        found = torch.einsum(equation, *map(torch.from_numpy, arrays))
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10, atol=1e-12, err_msg=str(path))


def test_the_package_is_asked(monkeypatch):
    """A vector at the end of a chain is worth contracting first."""
    asked = []

    def contract_path(equation, *shapes, **options):
        asked.append((equation, shapes, options))
        return [(1, 2), (0, 1)], None

    package = SimpleNamespace(
        contract_path=contract_path, paths=SimpleNamespace(get_path_fn={"dp": 1}.__getitem__)
    )
    operands = torch.ones(8, 8), torch.ones(8, 8), torch.ones(8, 1)
    costs = []
    for there in (None, package):
        monkeypatch.setattr(_contraction_order, "opt_einsum", lambda there=there: there)
        monkeypatch.setattr("tritonnn.backends.opt_einsum.opt_einsum", lambda there=there: there)
        with (
            FlopCounterMode(display=False) as counter,
            torch.backends.opt_einsum.flags(strategy=there and "dp"),
        ):
            torch.einsum("ij,jk,kl->il", *operands)
        costs.append(counter.get_total_flops())
    assert costs == [2 * 8**3 + 2 * 8**2, 2 * 2 * 8**2]
    assert asked == [("ij,jk,kl->il", ((8, 8), (8, 8), (8, 1)), {"shapes": True, "optimize": "dp"})]
    with pytest.raises(ValueError, match="one that opt_einsum knows"):
        torch.backends.opt_einsum.strategy = "thorough"
    with torch.backends.opt_einsum.flags(enabled=False), pytest.raises(ValueError, match="not enabled"):
        torch.backends.opt_einsum.strategy = "dp"
    assert torch.backends.opt_einsum.enabled and torch.backends.opt_einsum.strategy == "auto"
