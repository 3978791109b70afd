"""GPT-2 small and ResNet-50 as plain modules of either library, for whole training steps.

`lib` is tritonnn or torch: one text for both. Parameters are filled by the maker, so both start from the same ones.
"""

from __future__ import annotations

from typing import Any

# layers, heads, width, vocabulary (a multiple of 64, as usual), context
GPT2 = {"layers": 12, "heads": 12, "width": 768, "vocabulary": 50304, "context": 1024}
TINY_GPT2 = {"layers": 1, "heads": 2, "width": 32, "vocabulary": 64, "context": 8}
# blocks of the four stages, channels of the first, classes
RESNET50 = {"blocks": (3, 4, 6, 3), "channels": 64, "classes": 1000}
TINY_RESNET = {"blocks": (1, 1), "channels": 8, "classes": 8}


def gpt2(lib: Any, layers: int, heads: int, width: int, vocabulary: int, context: int) -> Any:
    """A decoder with learned places and the output layer's weight shared with the embedding's."""
    nn, f = lib.nn, lib.nn.functional

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.qkv(self.norm1(x)).view(batch, length, 3, heads, width // heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
            mixed = f.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(mixed.transpose(1, 2).reshape(batch, length, width))
            return x + self.down(f.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class GPT2(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width)

        def forward(self, ids: Any, wanted: Any) -> Any:
            x = self.tokens(ids) + self.places.weight
            for block in self.blocks:
                x = block(x)
            scores = f.linear(self.norm(x), self.tokens.weight)
            return f.cross_entropy(scores.view(-1, vocabulary), wanted.view(-1))

    return GPT2()


def gpt2_flops(batch: int, layers: int, heads: int, width: int, vocabulary: int, context: int) -> float:
    """Of a training step: six a weight and token, and the scores and sums of causal attention."""
    weights = layers * 12 * width * width + vocabulary * width
    attention = layers * 2 * context * width  # half of the scores, and as much for the sums
    return 6.0 * batch * context * (weights + attention / 2)


def resnet(lib: Any, blocks: tuple[int, ...], channels: int, classes: int) -> Any:
    """A residual network of bottlenecks, with the stride in their 3 x 3 convolution."""
    nn, f = lib.nn, lib.nn.functional

    def convolved(inner: int, outer: int, size: int, stride: int = 1) -> Any:
        return nn.Conv2d(inner, outer, size, stride, padding=size // 2, bias=False)

    class Bottleneck(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, inner: int, width: int, stride: int) -> None:
            super().__init__()
            outer = 4 * width
            self.convs = nn.ModuleList(
                [convolved(inner, width, 1), convolved(width, width, 3, stride), convolved(width, outer, 1)]
            )
            self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width), nn.BatchNorm2d(outer)])
            self.shortcut = nn.Identity()
            if stride != 1 or inner != outer:
                self.shortcut = nn.Sequential(convolved(inner, outer, 1, stride), nn.BatchNorm2d(outer))

        def forward(self, x: Any) -> Any:
            out = x
            for i in range(3):
                out = self.norms[i](self.convs[i](out))
                out = f.relu(out) if i < 2 else out
            return f.relu(out + self.shortcut(x))

    class ResNet(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.norm = convolved(3, channels, 7, 2), nn.BatchNorm2d(channels)
            stages: list[Any] = []
            inner = channels
            for i, count in enumerate(blocks):
                for j in range(count):
                    stages.append(Bottleneck(inner, channels << i, 2 if i and not j else 1))
                    inner = 4 * (channels << i)
            self.stages, self.head = nn.Sequential(*stages), nn.Linear(inner, classes)

        def forward(self, images: Any, wanted: Any) -> Any:
            x = f.max_pool2d(f.relu(self.norm(self.stem(images))), 3, 2, 1)
            x = self.stages(x).mean((2, 3))
            return f.cross_entropy(self.head(x), wanted)

    return ResNet()


RESNET50_FLOPS = 6 * 4.09e9  # of a training step on an image of 224 x 224: 4.09 G multiply-adds forward
