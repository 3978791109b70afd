"""Every public entry states its definition in NumPy, which its results are held to here, and what it refuses."""

from __future__ import annotations

import widened  # noqa: F401  (its rows say what is allowed of which op)

from tritonnn.ops._table import NAMESPACES, OPS
from tritonnn.testing.generated import definitions
from tritonnn.testing.generated.definitions import *  # noqa: F403

# Entries without a definition, and why.
NO_DEFINITION = definitions.NO_DEFINITION
NO_DEFINITION |= {
    "foreach_scale": "it returns nothing; tests/test_optim_base.py has what it writes",
    "amp_unscale": "it returns nothing; tests/test_grad_scaler.py has what it writes",
    "amp_update": "it returns nothing; tests/test_grad_scaler.py has what it writes",
}


NO_DEFINITION.update(
    dict.fromkeys(
        (
            "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal",
            "bernoulli", "poisson", "multinomial", "gumbel_softmax", "standard_gamma", "sample_dirichlet", "binomial",
        ),
        "random: tests/test_random.py and tests/test_variates.py have the distributions",
    )
)  # fmt: skip


NO_DEFINITION.update(
    dict.fromkeys(
        (
            "eigh",
            "eig",
            "eigvals",
            "svd",
            "geqrf",
            "ldl_factor",
            "ldl_factor_ex",
            "ldl_solve",
            "torch_svd",
            "real_eig",
            "symeig",
            "gesv",
            "gels",
            "trtrs",
            "svd_lowrank",
            "pca_lowrank",
            "lobpcg",
        ),
        "any sign, any order, any pivot will do: tests/test_decompositions.py multiplies the factors together",
    )
)


# Forms of entries under other names, with tests of their own in tests/parity/test_torch_forms_parity.py.
FORMS = {"torch.embedding_renorm_", "torch.range", "torch.slice_inverse"}


def test_every_public_function_is_an_entry() -> None:
    published = {f"{place}.{name}": f for place, names in NAMESPACES.items() for name, f in names.items()}
    plain = {name for name, f in published.items() if not hasattr(f, "op") and not isinstance(f, type)}
    lists = {
        name for name in plain if name.startswith("torch._foreach_")
    }  # tests/parity/test_foreach_parity.py
    assert plain - lists == FORMS


def test_exceptions_are_needed() -> None:
    assert not [name for name in NO_DEFINITION if OPS[name].reference is not None]
