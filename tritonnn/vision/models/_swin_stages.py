"""What the Swin transformers for pictures and videos share: their stages, and how they start."""

from __future__ import annotations

from collections.abc import Callable

from tritonnn import nn

Layer = Callable[..., nn.Module]


def stages(
    block: Layer,
    embed_dim: int,
    depths: list[int],
    num_heads: list[int],
    window_size: list[int],
    stochastic_depth_prob: float,
    downsample_layer: Layer,
    norm_layer: Layer,
) -> list[nn.Module]:
    """A Sequential of blocks for each of `depths`, with a step down between them.

    Every other block's windows are shifted by half.
    """
    layers: list[nn.Module] = []
    last = sum(depths) - 1
    built = 0
    for i, (depth, heads) in enumerate(zip(depths, num_heads)):
        dim = embed_dim * 2**i
        stage = nn.Sequential()
        for j in range(depth):
            stage.append(
                block(
                    dim,
                    heads,
                    window_size=window_size,
                    shift_size=[0 if j % 2 == 0 else inner // 2 for inner in window_size],
                    stochastic_depth_prob=stochastic_depth_prob * built / last,
                )
            )
            built += 1
        layers.append(stage)
        if i < len(depths) - 1:
            layers.append(downsample_layer(dim, norm_layer))
    return layers


def initialise(module: nn.Module) -> None:
    """Linear layers start small, without bias; it is called by `Module.apply`."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
