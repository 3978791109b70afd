"""The transformer's stacks beside PyTorch's: layers of the user's own, masks as they pass them on, padding left out."""

from __future__ import annotations

from typing import Any

import pytest
from outcomes import check, filled, sample

INFINITE = float("-inf")


def causal(t: Any, size: int = 3) -> Any:
    return t.nn.Transformer.generate_square_subsequent_mask(size)


def own(t: Any, batch_first: bool = False) -> Any:
    """A layer of the user's own, that notes what it is given."""

    class Own(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = t.nn.Parameter(t.ones(1))
            self.self_attn = t.nn.Identity()
            self.self_attn.batch_first = batch_first
            self.seen: list[Any] = []

        def forward(self, x: Any, *memory: Any, **options: Any) -> Any:
            self.seen.append((len(memory), sorted(options.items())))
            return x * self.scale + len(memory)

    return Own()


def given(kind: str, *masks: Any, **options: Any) -> Any:
    """What a stack passes on to such a layer; `masks` are functions of the library."""

    def program(t: Any) -> Any:
        stack = getattr(t.nn, kind)(own(t), 2, norm=t.nn.LayerNorm(4))
        x = sample(t, 3, 2, 4)
        inputs = [x] if kind == "TransformerEncoder" else [x, x]
        output = stack(*inputs, *[None if mask is None else mask(t) for mask in masks], **options)
        return output, [layer.seen for layer in stack.layers], len(list(stack.parameters()))

    return program


ENCODER: dict[str, tuple[Any, ...]] = {
    "none": (),
    "causal": (causal,),
    "bool": (lambda t: t.triu(t.ones(3, 3, dtype=t.bool), 1),),
    "empty": (lambda t: t.zeros(3, 3),),
    "of each head": (lambda t: t.zeros(4, 3, 3),),
    "of another size": (lambda t: t.zeros(2, 2),),
    "padding": (None, lambda t: t.tensor([[True, False, False]] * 2)),
    "both": (lambda t: t.zeros(3, 3, dtype=t.bool), lambda t: t.tensor([[True, False, False]] * 2)),
    "float padding": (None, lambda t: t.tensor([[0.0, 0.0, INFINITE]] * 2)),
    "mixed": (causal, lambda t: t.tensor([[False, False, True]] * 2)),
    "int": (lambda t: t.zeros(3, 3, dtype=t.int64),),
    "int padding": (None, lambda t: t.zeros(2, 3, dtype=t.int64)),
}


@pytest.mark.parametrize("hint", [None, True, False])
@pytest.mark.parametrize("masks", ENCODER)
def test_encoder_of_own_layers(masks: str, hint: bool | None) -> None:
    check(given("TransformerEncoder", *ENCODER[masks], is_causal=hint), same_words="int" not in masks)


DECODER: dict[str, tuple[Any, ...]] = {
    "none": (),
    "causal": (causal,),
    "all": (
        lambda t: t.zeros(3, 3, dtype=t.bool),
        lambda t: t.zeros(3, 3),
        lambda t: t.tensor([[True, False, False]] * 2),
        lambda t: t.zeros(2, 3),
    ),
    "int": (lambda t: t.zeros(3, 3, dtype=t.int64),),
}


@pytest.mark.parametrize("options", [{}, {"tgt_is_causal": True, "memory_is_causal": True}])
@pytest.mark.parametrize("masks", DECODER)
def test_decoder_of_own_layers(masks: str, options: dict[str, bool]) -> None:
    check(given("TransformerDecoder", *DECODER[masks], **options), same_words=masks != "int")


def test_own_stacks() -> None:
    """nn.Transformer gives masks by name, as forwards of the user's own may need."""

    def program(t: Any) -> Any:
        class Encoder(t.nn.Module):
            def forward(self, src: Any, is_causal: Any, src_key_padding_mask: Any, mask: Any) -> Any:
                return src + mask.sum() + src_key_padding_mask.sum() + float(is_causal)

        class Decoder(t.nn.Module):
            def forward(self, tgt: Any, memory: Any, **options: Any) -> Any:
                return tgt + memory, sorted(options.items())

        net = t.nn.Transformer(4, 2, custom_encoder=Encoder(), custom_decoder=Decoder())
        x = sample(t, 3, 2, 4)
        return net(
            x, x, t.ones(3, 3), causal(t), None, t.ones(2, 3), src_is_causal=True, memory_is_causal=True
        )

    check(program)


def stack(t: Any, options: dict[str, Any]) -> Any:
    own = ("norm", "enable_nested_tensor", "mask_check")
    layer = {name: value for name, value in options.items() if name not in own}
    layer = {"batch_first": True, "nhead": 2, **layer}
    if layer.get("activation") == "tanh":
        layer["activation"] = t.tanh
    elif layer.get("activation") == "module":
        layer["activation"] = t.nn.GELU()
    above = {name: value for name, value in options.items() if name in own}
    if "norm" in above:
        above["norm"] = t.nn.LayerNorm(4)
    built = t.nn.TransformerEncoder(
        t.nn.TransformerEncoderLayer(4, dim_feedforward=8, dropout=0.0, **layer), 2, **above
    )
    return filled(t, built).eval()


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "norm": {"norm": True},
    "no nested tensor": {"enable_nested_tensor": False},
    "no check": {"mask_check": False},
    "norm first": {"norm_first": True},
    "gelu": {"activation": "gelu"},
    "gelu module": {"activation": "module"},
    "tanh": {"activation": "tanh"},
    "no bias": {"bias": False},
    "odd heads": {"nhead": 1},
}
PADDINGS: dict[str, Any] = {
    "end": lambda t: t.tensor([[False, False, True], [False, False, False]]),
    "start": lambda t: t.tensor([[True, False, False], [False, False, False]]),
    "everywhere": lambda t: t.tensor([[False, True, True], [False, False, True]]),
    "float": lambda t: t.tensor([[0.0, INFINITE, INFINITE], [0.0, 0.0, 0.0]]),
    "none": lambda t: t.zeros(2, 3, dtype=t.bool),
}


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("options", OPTIONS)
def test_padding_is_left_out_of_inference(options: str, padding: str, grad: bool) -> None:
    def program(t: Any) -> Any:
        net = stack(t, OPTIONS[options])
        with t.set_grad_enabled(grad):
            output = net(sample(t, 2, 3, 4), src_key_padding_mask=PADDINGS[padding](t))
        return output, net.use_nested_tensor

    check(program)


OTHERS: dict[str, Any] = {
    "with a mask": lambda t, net, pad: net(sample(t, 2, 3, 4), t.zeros(3, 3), pad.float() * -1e9),
    "training": lambda t, net, pad: net.train()(sample(t, 2, 3, 4), src_key_padding_mask=pad),
    "no batch": lambda t, net, pad: net(sample(t, 3, 4), src_key_padding_mask=pad[0]),
    "frozen": lambda t, net, pad: t.enable_grad()(net.requires_grad_(False))(
        sample(t, 2, 3, 4), src_key_padding_mask=pad
    ),
    "input requires grad": lambda t, net, pad: t.enable_grad()(net.requires_grad_(False))(
        sample(t, 2, 3, 4).requires_grad_(), src_key_padding_mask=pad
    ),
    "hint": lambda t, net, pad: net(sample(t, 2, 3, 4), src_key_padding_mask=pad, is_causal=True),
    "double": lambda t, net, pad: net.double()(sample(t, 2, 3, 4).double(), src_key_padding_mask=pad),
    "one layer": lambda t, net, pad: net.layers[0](sample(t, 2, 3, 4), src_key_padding_mask=pad),
}


@pytest.mark.parametrize("name", OTHERS)
def test_when_padding_is_left_out(name: str) -> None:
    def program(t: Any) -> Any:
        with t.no_grad():
            return OTHERS[name](t, stack(t, {}), PADDINGS["end"](t))

    check(program)


def test_attributes() -> None:
    def program(t: Any) -> Any:
        layer = t.nn.TransformerEncoderLayer(4, 2, 8, activation="gelu", batch_first=True)
        net = t.nn.TransformerEncoder(layer, 1, mask_check=False)
        names = ("enable_nested_tensor", "use_nested_tensor", "mask_check", "num_layers", "norm")
        del layer.activation_relu_or_gelu
        layer.__setstate__({name: value for name, value in layer.__dict__.items() if name != "activation"})
        return (
            [getattr(net, name) for name in names],
            net.layers[0].activation_relu_or_gelu,
            layer.activation.__name__,
        )

    check(program)
