"""Layers: values from their formulas, start values, arguments that are refused."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

nn = torch.nn


def close(got, wanted, tolerance=1e-5):
    got = got if isinstance(got, torch.Tensor) else torch.tensor(got)
    wanted = wanted if isinstance(wanted, torch.Tensor) else torch.tensor(wanted)
    assert got.shape == wanted.shape, f"{got.shape} instead of {wanted.shape}"
    assert float((got - wanted).abs().max()) <= tolerance if got.numel() else True


# ---- linear ---------------------------------------------------------------------------------------------


def test_linear_is_x_times_transposed_weight_plus_bias():
    layer = nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        layer.bias.copy_(torch.tensor([0.5, 0.0, -0.5]))
    close(layer(torch.tensor([1.0, 10.0])), [21.5, 43.0, 64.5])
    layer(torch.tensor([[1.0, 10.0]])).sum().backward()
    close(layer.weight.grad, [[1.0, 10.0]] * 3)
    close(layer.bias.grad, [1.0] * 3)


def test_linear_finds_a_weight_that_is_no_parameter():
    layer = nn.Linear(2, 1, bias=False)
    del layer.weight
    layer.weight = torch.ones(1, 2)
    close(layer(torch.tensor([[3.0, 4.0]])), [[7.0]])


def test_bilinear_formula():
    layer = nn.Bilinear(2, 2, 1)
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])
    a = layer.weight[0]
    wanted = 3 * a[0, 0] + 4 * a[0, 1] + 6 * a[1, 0] + 8 * a[1, 1] + layer.bias[0]
    close(layer(x, y).detach(), wanted.detach().reshape(1, 1))


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda: nn.Linear(20, 60), 20),
        (lambda: nn.Conv1d(6, 8, 5, groups=2), 15),
        (lambda: nn.Conv2d(4, 8, 3), 36),
        (lambda: nn.Conv3d(2, 8, 2), 16),
        (lambda: nn.ConvTranspose2d(4, 8, 3, groups=2), 36),
        (lambda: nn.Bilinear(25, 3, 4), 25),
    ],
)
def test_weights_start_uniform_within_one_over_root_fan_in(layer, fan_in):
    bound = 1 / math.sqrt(fan_in)
    for param in layer().parameters():
        largest = float(param.detach().abs().max())
        assert largest <= bound and (param.numel() < 50 or largest > 0.8 * bound)


# ---- convolution ----------------------------------------------------------------------------------------


def test_conv1d_by_hand():
    layer = nn.Conv1d(1, 1, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[1.0, -1.0]]]))
    x = torch.tensor([[[1.0, 4.0, 9.0, 16.0]]])
    close(layer(x), [[[-3.0, -5.0, -7.0]]])
    layer.stride = (2,)
    close(layer(x), [[[-3.0, -7.0]]])


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("zeros", [3.0, 6.0, 5.0]),
        ("reflect", [5.0, 6.0, 7.0]),
        ("replicate", [4.0, 6.0, 8.0]),
        ("circular", [6.0, 6.0, 6.0]),
    ],
)
def test_padding_modes_of_convolutions(mode, wanted):
    layer = nn.Conv1d(1, 1, 3, padding=1, bias=False, padding_mode=mode)
    nn.init.ones_(layer.weight)
    close(layer(torch.tensor([[[1.0, 2.0, 3.0]]])), [[wanted]])


def test_same_padding_keeps_the_extent_for_even_kernels():
    assert nn.Conv2d(1, 1, (4, 3), padding="same", dilation=(1, 2))(torch.ones(1, 1, 7, 8)).shape == (
        1,
        1,
        7,
        8,
    )
    layer = nn.Conv2d(1, 1, (4, 3), padding="same", padding_mode="circular")
    assert layer(torch.ones(1, 1, 7, 8)).shape == (1, 1, 7, 8)


def test_transposed_convolution_inverts_the_shape():
    down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    up = nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1)
    x = torch.ones(2, 3, 8, 7)
    assert up(down(x)).shape == (2, 3, 7, 7)
    assert up(down(x), output_size=x.shape).shape == x.shape
    assert up(down(x), output_size=[8, 7]).shape == x.shape
    with pytest.raises(ValueError, match=r"requested an output size of \[9, 7\], but valid sizes range"):
        up(down(x), output_size=[9, 7])
    with pytest.raises(ValueError, match="output_size must have 2 or 4 elements"):
        up(down(x), output_size=[7])


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=0), "groups must be a positive integer"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "in_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), "Invalid padding string 'full'"),
        (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), "not supported for strided convolutions"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), "padding_mode must be one of"),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"),
            'Only "zeros" padding mode is supported',
        ),
        (lambda: nn.Bilinear(0, 1, 1), "in1_features must be > 0"),
        (lambda: nn.GroupNorm(3, 4), r"num_channels \(4\) must be divisible by num_groups \(3\)"),
        (lambda: nn.Dropout(1.5), "dropout probability has to be between 0 and 1, but got 1.5"),
        (lambda: nn.FractionalMaxPool2d(2), "requires specifying either an output size, or a pooling ratio"),
        (lambda: nn.FractionalMaxPool2d(2, 3, 0.5), "only one of output_size and output_ratio"),
        (lambda: nn.FractionalMaxPool2d(2, output_ratio=1.5), "output_ratio must be between 0 and 1"),
        (lambda: nn.MultiheadAttention(0, 1), "must be greater than 0"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 5, [3, 2]), "cutoffs should be a sequence of unique"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 5, []), "length larger than 0"),
        (lambda: nn.MultiMarginLoss(p=3), "only p == 1 and p == 2 supported"),
        (lambda: nn.TripletMarginLoss(margin=0), "expected margin to be greater than 0"),
    ],
)
def test_constructors_refuse(build, text):
    with pytest.raises(ValueError, match=text):
        build()


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: nn.MultiheadAttention(5, 2), "embed_dim must be divisible by num_heads"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "Padding_idx must be within num_embeddings"),
        (lambda: nn.Embedding(3, 2, _weight=torch.ones(2, 2)), "Shape of weight does not match"),
        (lambda: nn.Embedding.from_pretrained(torch.ones(3)), "expected to be 2-dimensional"),
        (lambda: nn.Hardtanh(1.0, 1.0), "must be greater than"),
    ],
)
def test_constructors_assert(build, text):
    with pytest.raises(AssertionError, match=text):
        build()


@pytest.mark.parametrize(
    ("layer", "x", "error", "text"),
    [
        (
            nn.BatchNorm1d(2),
            (2,),
            ValueError,
            r"expected 2D or 3D input \(got 1D input\)\n  in module 'BatchNorm1d'",
        ),
        (nn.BatchNorm2d(2), (2, 2), ValueError, r"expected 4D input \(got 2D input\)"),
        (nn.BatchNorm3d(2), (2, 2, 2, 2), ValueError, r"expected 5D input \(got 4D input\)"),
        (nn.InstanceNorm1d(2), (2,), ValueError, r"expected 2D or 3D input \(got 1D input\)"),
        (
            nn.InstanceNorm2d(3, affine=True),
            (2, 4, 3, 3),
            ValueError,
            r"to match num_features \(3\), but got: 4",
        ),
        (nn.CircularPad1d(1), (2,), ValueError, r"expected 2D or 3D input \(got 1D input\)"),
        (nn.Softmax2d(), (2, 2), ValueError, "expected input to be 3D or 4D"),
        (nn.Linear(3, 2), (2, 4), RuntimeError, "in module 'Linear'"),
        (nn.Conv2d(3, 2, 3), (1, 4, 5, 5), RuntimeError, "in module 'Conv2d'"),
        (
            nn.LazyConv2d(2, 3),
            (4, 5),
            RuntimeError,
            r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d",
        ),
    ],
)
def test_inputs_are_refused(layer, x, error, text):
    with pytest.raises(error, match=text):
        layer(torch.ones(x))


# ---- pooling --------------------------------------------------------------------------------------------


def test_pooling_values():
    x = torch.tensor([[[1.0, 5.0, 2.0, 4.0, 3.0]]])
    values, indices = nn.MaxPool1d(2, return_indices=True)(x)
    close(values, [[[5.0, 4.0]]])
    assert indices.tolist() == [[[1, 3]]]
    close(nn.MaxPool1d(2, ceil_mode=True)(x), [[[5.0, 4.0, 3.0]]])
    close(nn.MaxPool1d(3, stride=1, padding=1, dilation=1)(-x), [[[-1.0, -1.0, -2.0, -2.0, -3.0]]])
    close(nn.AvgPool1d(2, padding=1)(x), [[[0.5, 3.5, 3.5]]])
    close(nn.AvgPool1d(2, padding=1, count_include_pad=False)(x), [[[1.0, 3.5, 3.5]]])
    close(nn.LPPool1d(2, 2)(torch.tensor([[[3.0, 4.0]]])), [[[5.0]]])
    close(nn.AdaptiveAvgPool1d(2)(x), [[[8 / 3, 3.0]]])
    close(nn.AdaptiveMaxPool1d(2)(x), [[[5.0, 4.0]]])
    close(nn.MaxUnpool1d(2)(values, indices, output_size=(1, 1, 5)), [[[0.0, 5.0, 0.0, 4.0, 0.0]]])


# ---- normalisation --------------------------------------------------------------------------------------


def test_batch_norm_normalises_and_remembers():
    layer = nn.BatchNorm1d(1, momentum=0.25)
    x = torch.tensor([[1.0], [2.0], [6.0]])  # mean 3, variance 14/3, unbiased 7
    close(layer(x).detach(), (x - 3) / math.sqrt(14 / 3 + 1e-5))
    close(layer.running_mean, [0.75])
    close(layer.running_var, [0.75 + 0.25 * 7])
    assert layer.num_batches_tracked.item() == 1
    layer.eval()
    close(layer(x).detach(), (x - 0.75) / math.sqrt(2.5 + 1e-5))
    assert layer.num_batches_tracked.item() == 1
    layer.reset_running_stats()
    close(layer.running_var, [1.0])


def test_batch_norm_without_momentum_averages_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None)
    for value in (1.0, 5.0, 9.0):
        layer(torch.tensor([[value], [value + 2]]))
    close(layer.running_mean, [6.0])


def test_batch_norm_untracked_uses_the_batch_in_evaluation_too():
    layer = nn.BatchNorm1d(1, track_running_stats=False, affine=False).eval()
    assert layer.running_mean is None and list(layer.state_dict()) == [] and layer.weight is None
    close(layer(torch.tensor([[1.0], [3.0]])), [[-1.0], [1.0]], 1e-4)


def test_batch_norm_refuses_one_value_per_channel_in_training():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        nn.BatchNorm1d(3)(torch.ones(1, 3))


def test_batch_norm_loads_files_without_a_counter():
    layer = nn.BatchNorm1d(2)
    state = layer.state_dict()
    del state["num_batches_tracked"], state._metadata
    layer.load_state_dict(state)
    state = layer.state_dict()
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "num_batches_tracked"'):
        layer.load_state_dict(state)


def test_sync_batch_norm_takes_over_everything():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3, eps=0.5)))
    net.eval()
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    sync = converted[1][0]
    assert type(sync) is nn.SyncBatchNorm and sync.eps == 0.5 and not sync.training
    assert sync.weight is net[1][0].weight and sync.running_mean is net[1][0].running_mean


def by_hand(x, dims, eps=1e-5):
    centred = x - x.mean(dims, keepdim=True)
    return centred / (centred.pow(2).mean(dims, keepdim=True) + eps).sqrt()


def test_normalisation_within_a_sample():
    x = torch.randn(2, 4, 3, 5)
    close(nn.LayerNorm([3, 5])(x).detach(), by_hand(x, (2, 3)))
    close(nn.InstanceNorm2d(4)(x), by_hand(x, (2, 3)))
    close(nn.InstanceNorm2d(4)(x[0]), by_hand(x[0], (1, 2)))
    close(nn.GroupNorm(2, 4)(x).detach(), by_hand(x.reshape(2, 2, -1), 2).reshape(x.shape))
    close(nn.RMSNorm(5, eps=0.1)(x).detach(), x / (x.pow(2).mean(-1, keepdim=True) + 0.1).sqrt())
    layer = nn.LayerNorm(5)
    with torch.no_grad():
        layer.weight.fill_(2)
        layer.bias.fill_(3)
    close(layer(x).detach(), by_hand(x, -1) * 2 + 3)


def test_local_response_normalisation_sums_over_neighbouring_channels():
    x = torch.tensor([[[1.0], [2.0], [3.0]]])
    sums = torch.tensor([[[1.0 + 4], [1 + 4 + 9], [4 + 9]]])
    close(nn.LocalResponseNorm(3, alpha=0.3, beta=0.5, k=2.0)(x), x / (2 + 0.1 * sums).sqrt())
    x, sums = x.unsqueeze(-1), sums.unsqueeze(-1) + torch.tensor([0.0, 0, 1]).reshape(1, 3, 1, 1)
    close(nn.CrossMapLRN2d(3, alpha=0.3, beta=0.5, k=2.0)(x), x / (2 + 0.1 * sums).sqrt())


def test_instance_norm_warns_of_features_that_do_not_matter():
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm1d(7)(torch.ones(2, 3, 4))


# ---- dropout --------------------------------------------------------------------------------------------


def test_dropout():
    x = torch.ones(1000)
    assert sorted(set(nn.Dropout(0.2)(x).tolist())) == [0.0, 1.25]
    assert nn.Dropout(1.0)(x).sum().item() == 0 and nn.Dropout(0.0)(x).sum().item() == 1000
    assert nn.Dropout(0.5).eval()(x) is x or nn.Dropout(0.5).eval()(x).sum().item() == 1000
    y = nn.Dropout2d(0.5)(torch.ones(10, 10, 2, 3)).reshape(100, 6)
    assert bool((y == y[:, :1]).all()) and set(y[:, 0].tolist()) == {0.0, 2.0}
    z = torch.ones(100)
    nn.Dropout(0.5, inplace=True)(z)
    assert z.min().item() == 0


def test_alpha_dropout_keeps_mean_and_variance():
    y = nn.AlphaDropout(0.3)(torch.randn(20000))
    assert abs(y.mean().item()) < 0.05 and abs(y.var().item() - 1) < 0.08


# ---- lookup tables --------------------------------------------------------------------------------------


def test_embedding():
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3 and layer.weight[3].tolist() == [0, 0]
    layer(torch.tensor([[0, 3], [3, 1]])).sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]
    frozen = nn.Embedding.from_pretrained(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), max_norm=1.0)
    assert not frozen.weight.requires_grad
    close(frozen(torch.tensor([0, 1])), [[0.6, 0.8], [0.3, 0.4]], 1e-4)
    assert nn.Embedding.from_pretrained(torch.ones(2, 2), freeze=False).weight.requires_grad


def test_embedding_bag():
    table = torch.tensor([[1.0, 2.0], [3.0, 0.0], [5.0, 5.0]])
    bags = {mode: nn.EmbeddingBag.from_pretrained(table, mode=mode) for mode in ("sum", "mean", "max")}
    index, offsets = torch.tensor([0, 1, 2]), torch.tensor([0, 2, 3])
    close(bags["sum"](index, offsets), [[4.0, 2.0], [5.0, 5.0], [0.0, 0.0]])
    close(bags["mean"](index, offsets), [[2.0, 1.0], [5.0, 5.0], [0.0, 0.0]])
    close(bags["max"](index, offsets), [[3.0, 2.0], [5.0, 5.0], [0.0, 0.0]])
    weights = torch.tensor([[0.5, 2.0]])
    close(bags["sum"](torch.tensor([[0, 1]]), per_sample_weights=weights), [[6.5, 1.0]])


# ---- rearranging ----------------------------------------------------------------------------------------


def test_rearranging_layers():
    assert nn.Flatten()(torch.ones(2, 3, 4)).shape == (2, 12)
    assert nn.Flatten(0, 1)(torch.ones(2, 3, 4)).shape == (6, 4)
    assert nn.Unflatten(-1, (2, -1))(torch.ones(2, 6)).shape == (2, 2, 3)
    for size, text in ((3, "must be a tuple of ints"), ((2, 1.5), "element of type float at pos 1")):
        with pytest.raises(TypeError, match=text):
            nn.Unflatten(1, size)
    x = torch.arange(8.0).reshape(1, 8, 1, 1)
    close(nn.PixelShuffle(2)(x)[0, 1], [[4.0, 5.0], [6.0, 7.0]])
    close(nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(x)), x)
    assert nn.ChannelShuffle(4)(x).flatten().tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    blocks = nn.Unfold(2)(torch.arange(9.0).reshape(1, 1, 3, 3))
    assert blocks[0, :, 0].tolist() == [0, 1, 3, 4]
    counts = nn.Fold((3, 3), 2)(torch.ones_like(blocks))
    assert counts[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (nn.ConstantPad1d((1, 2), 9.0), [9, 0, 1, 2, 9, 9]),
        (nn.ZeroPad1d((-1, 1)), [1, 2, 0]),
        (nn.ReflectionPad1d(2), [2, 1, 0, 1, 2, 1, 0]),
        (nn.ReplicationPad1d((2, 1)), [0, 0, 0, 1, 2, 2]),
        (nn.CircularPad1d((1, 2)), [2, 0, 1, 2, 0, 1]),
    ],
)
def test_padding_layers(layer, wanted):
    assert layer(torch.tensor([[0.0, 1.0, 2.0]])).tolist() == [wanted]


def test_upsampling_layers():
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    close(nn.Upsample(scale_factor=2)(x)[0, 0, 0], [1.0, 1.0, 2.0, 2.0])
    close(nn.Upsample(scale_factor=2, mode="bilinear")(x)[0, 0, 0], [1.0, 1.25, 1.75, 2.0])
    close(nn.UpsamplingBilinear2d(size=3)(x)[0, 0], [[1.0, 1.5, 2.0], [2.0, 2.5, 3.0], [3.0, 3.5, 4.0]])
    close(nn.Upsample(size=(1, 2), mode="nearest")(x)[0, 0], [[1.0, 2.0]])


def test_distances():
    a, b = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 0.0]])
    close(nn.PairwiseDistance(keepdim=True)(a, b), [[5.0]])
    close(nn.PairwiseDistance(p=1)(a, b), [7.0])
    close(nn.CosineSimilarity()(a, torch.tensor([[4.0, 3.0]])), [0.96])
    close(nn.CosineSimilarity()(a, b), [0.0])
