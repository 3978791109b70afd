# ruff: noqa: F821
"""Programs of users that mix parts of the library; executed with `torch` as PyTorch and as tritonnn."""


def _x(*shape):
    count = 1
    for extent in shape:
        count *= extent
    return torch.sin(torch.arange(1.0, count + 1)).reshape(shape)


def _in_inference(make):
    with torch.inference_mode():
        return make()


def _cubes(t):
    return (t**3).sum()


# ---- transforms and inference mode


def gradient_within_inference_mode():
    return _in_inference(lambda: torch.func.grad(_cubes)(_x(3)))


def gradient_of_an_inference_tensor():
    return torch.func.grad(lambda t: (t.view(1, 3).mT ** 2).sum())(_in_inference(lambda: _x(3)))


def gradients_of_samples_of_inference_tensors():
    return torch.vmap(torch.func.grad(_cubes))(_in_inference(lambda: _x(2, 3)))


def captured_inference_tensor():
    captured = _in_inference(lambda: _x(3))
    return torch.func.grad(lambda t: (t * t * captured).sum())(_x(3))


def pullback_within_inference_mode():
    def run():
        value, pull = torch.func.vjp(_cubes, _x(3))
        rows = torch.vmap(torch.func.vjp(lambda t: t * t * _x(2), _x(2))[1])(torch.eye(2))
        return value, pull(torch.tensor(2.0)), rows, value.is_inference(), pull(value)[0].is_inference()

    return _in_inference(run)


def directions_within_inference_mode():
    return _in_inference(lambda: torch.func.jvp(_cubes, (_x(3),), (_x(3),)))


def jacobians_within_inference_mode():
    def run():
        f, x = lambda t: t**3 * t.sum(), _x(3)
        return torch.func.jacrev(f)(x), torch.func.jacfwd(f)(x), torch.func.hessian(_cubes)(x)

    return _in_inference(run)


def parameters_within_inference_mode():
    layer = torch.nn.Linear(2, 1)
    result = _in_inference(lambda: torch.func.jacrev(lambda t: layer(t) * 0 + t.sum())(torch.ones(2)))
    return result, result.requires_grad


def plain_recording_still_refuses_inference_tensors():
    return _x(3).requires_grad_() * _in_inference(lambda: _x(3))


# ---- samples as indices


def _indexed(f):
    x, i, j = _x(3, 4, 5, 2), torch.tensor([0, -1, 2]), torch.tensor([1, 1, 0])
    outer = torch.func.grad(lambda x: torch.vmap(f)(x, i, j).pow(3).sum())(x)
    return torch.vmap(f)(x, i, j), torch.vmap(f, in_dims=(None, 0, 0))(x[0], i, j), outer


def sample_of_an_index():
    return _indexed(lambda x, i, j: x[i])


def samples_of_two_indices():
    return _indexed(lambda x, i, j: x[i, :, j]), _indexed(lambda x, i, j: x[i][j])


def samples_of_indices_beside_others():
    return (
        _indexed(lambda x, i, j: x[:, None, i]), _indexed(lambda x, i, j: x[[0, 1], j]),
        _indexed(lambda x, i, j: x[i, 1:3]), _indexed(lambda x, i, j: x[i, :, [0, 1]]),
    )  # fmt: skip


def writes_at_samples_of_an_index():
    def write(x, i):
        x = x.clone()
        x[i] = x[0] * 2
        x[:, i] += 1
        return x

    return torch.vmap(write)(_x(3, 4, 5), torch.tensor([0, 2, 3]))


def sample_of_an_index_beyond():
    return torch.vmap(lambda x, i: x[i])(_x(2, 3), torch.tensor([0, 7]))


# ---- samples as parameters of distributions


def distributions_of_samples():
    D, s = torch.distributions, torch.tensor([1.0, 2.0, 0.5])
    fs = [
        lambda s: D.Normal(s, s).log_prob(s),
        lambda s: D.Gamma(s, s).log_prob(s),
        lambda s: D.Dirichlet(torch.stack([s, s + 1])).log_prob(torch.tensor([0.3, 0.7])),
        lambda s: D.kl_divergence(D.Normal(s, 1.0), D.Normal(0.0, s)),
        lambda s: D.Categorical(torch.stack([s, s * 2])).log_prob(torch.tensor(1)),
    ]
    return [(torch.vmap(f)(s), torch.vmap(torch.func.hessian(f))(s)) for f in fs]


# ---- libraries, operators


def older_forms_of_library():
    space = f"outside_{torch.__name__}"
    lib = torch.library.Library(space, "DEF")
    lib.define("twice(Tensor x, *, int n=2) -> (Tensor, Tensor)")

    @torch.library.impl(lib, "twice", "CompositeExplicitAutograd")
    def twice(x, *, n=2):
        return x * n, x + n

    @torch.library.define(lib, "thrice(Tensor x) -> Tensor")
    def thrice(x):
        return x * 3

    ops = getattr(torch.ops, space)
    return ops.twice(_x(2), n=5), ops.thrice(_x(2)), twice(_x(2))


# ---- rearrange


def rearranged():
    x, to = _x(2, 3, 4, 5), torch.func.rearrange
    return (
        to(x, "b h w c -> b (c h w)"), to(x, "b (h1 h) w c -> (b h1) h w c", h1=3), to(x, "a ... -> ... a"),
        to(x, "... d -> (...) d"), to(x, "a b (c1 c2) d -> c2 a (b c1) d", c2=2), to(x, "a b c d -> a 1 b (c d) ()"),
        to([x, x], "n a b c d -> (n a) b c d"), to(x[:1], "1 a ... -> ... a"), to(x, "... -> ..."),
        torch.vmap(lambda t: to(t, "a b c -> c (a b)"))(x),
    )  # fmt: skip


def rearranged_too_few():
    return torch.func.rearrange(_x(2, 3), "a b c -> c b a")


def rearranged_one_side():
    return torch.func.rearrange(_x(2, 3), "a b -> a")


def rearranged_twice():
    return torch.func.rearrange(_x(2, 2), "a a -> a")


def rearranged_nested():
    return torch.func.rearrange(_x(2, 3), "a b -> (a (b))")


def rearranged_unknown():
    return torch.func.rearrange(_x(2, 3), "a b -> b a", c=2)


# ---- matrices


def inverse_and_solution_with_nan():
    A = torch.eye(3) * 2
    A[0, 0], A[1, 0] = float("nan"), 1
    both = torch.stack([A, torch.eye(3)])
    return (
        torch.linalg.inv(both),
        torch.linalg.solve(both, torch.ones(3)),
        torch.linalg.solve(A.double(), A.double()),
    )


def inverse_with_nan_of_complex_numbers():
    A = torch.tensor([[float("nan"), 1.0], [1.0, 2.0]], dtype=torch.complex64)
    inverse = torch.linalg.inv(A)
    return inverse.real, inverse.imag


def batch_norms_without_statistics():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    same = torch.func.replace_all_batch_norm_modules_(model)
    values = torch.vmap(same[1], randomness="error")(_x(3, 4, 2))
    return same is model, repr(model), list(model.state_dict()), values
