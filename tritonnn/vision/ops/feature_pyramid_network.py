"""Feature pyramids: maps of different sizes, each with what the smaller ones know."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.ops.misc import Conv2dNormActivation

Maps = tuple[list[Tensor], list[str]]


class ExtraFPNBlock(nn.Module):
    """What adds maps to a pyramid; a subclass says how.

    >>> import tritonnn as torch
    >>> issubclass(torch.vision.ops.feature_pyramid_network.LastLevelMaxPool, torch.nn.Module)
    True
    """

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> Maps:
        """The maps with those that are added, and their names.

        Args:
            results: of the pyramid.
            x: that the pyramid was made of.
            names: of both.
        """
        raise NotImplementedError(f"{type(self).__name__}.forward: a subclass says what is added")


class FeaturePyramidNetwork(nn.Module):
    """A pyramid of maps: from the smallest one up, each joins what comes from above, enlarged.

    Args:
        in_channels_list: channels of the maps, the largest map first.
        out_channels: channels of all maps that come out.
        extra_blocks: adds further maps.
        norm_layer: what makes a normalisation after each convolution; None for none.

    >>> import tritonnn as torch
    >>> pyramid = torch.vision.ops.FeaturePyramidNetwork([2, 3], 4)
    >>> maps = pyramid({"large": torch.ones(1, 2, 8, 8), "small": torch.ones(1, 3, 4, 4)})
    >>> {name: tuple(x.shape) for name, x in maps.items()}
    {'large': (1, 4, 8, 8), 'small': (1, 4, 4, 4)}

    Raises ValueError for 0 channels and TypeError for extra_blocks that are none.
    Source: https://arxiv.org/abs/1612.03144.
    """

    _version = 2

    def __init__(
        self,
        in_channels_list: list[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.inner_blocks = nn.ModuleList()
        self.layer_blocks = nn.ModuleList()
        made: dict[str, Any] = {"norm_layer": norm_layer, "activation_layer": None}
        for channels in in_channels_list:
            if channels == 0:
                raise ValueError("in_channels=0 is currently not supported")
            self.inner_blocks.append(
                Conv2dNormActivation(channels, out_channels, kernel_size=1, padding=0, **made)
            )
            self.layer_blocks.append(Conv2dNormActivation(out_channels, out_channels, kernel_size=3, **made))
        for module in self.modules():  # before the extra blocks are there, which have values of their own
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.constant_(module.bias, 0)
        if extra_blocks is not None and not isinstance(extra_blocks, ExtraFPNBlock):
            raise TypeError(f"extra_blocks should be of type ExtraFPNBlock not {type(extra_blocks)}")
        self.extra_blocks = extra_blocks

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        if local_metadata.get("version") in (None, 1):  # convolutions had no block around them
            for block in ("inner_blocks", "layer_blocks"):
                for i in range(len(self.inner_blocks)):
                    for kind in ("weight", "bias"):
                        old = f"{prefix}{block}.{i}.{kind}"
                        if old in state_dict:
                            state_dict[f"{prefix}{block}.{i}.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def get_result_from_inner_blocks(self, x: Tensor, idx: int) -> Tensor:
        """The map as the block of that number makes it ready to be joined."""
        return self.inner_blocks[idx](x)

    def get_result_from_layer_blocks(self, x: Tensor, idx: int) -> Tensor:
        """The joined map as the block of that number gives it out."""
        return self.layer_blocks[idx](x)

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """The pyramid, largest map first, of maps in the same order; names are kept."""
        names, maps = list(x.keys()), list(x.values())
        joined = self.get_result_from_inner_blocks(maps[-1], -1)
        results = [self.get_result_from_layer_blocks(joined, -1)]
        for i in range(len(maps) - 2, -1, -1):
            lateral = self.get_result_from_inner_blocks(maps[i], i)
            joined = lateral + F.interpolate(joined, size=lateral.shape[-2:], mode="nearest")
            results.insert(0, self.get_result_from_layer_blocks(joined, i))
        if self.extra_blocks is not None:
            results, names = self.extra_blocks(results, maps, names)
        return OrderedDict(zip(names, results))


class LastLevelMaxPool(ExtraFPNBlock):
    """Adds every second element of the smallest map, as 'pool'.

    >>> import tritonnn as torch
    >>> block = torch.vision.ops.feature_pyramid_network.LastLevelMaxPool()
    >>> maps, names = block([torch.ones(1, 2, 4, 4)], [], ["0"])
    >>> names, tuple(maps[1].shape)
    (['0', 'pool'], (1, 2, 2, 2))
    """

    def forward(  # type: ignore[override]  # the names that torchvision gives them
        self, x: list[Tensor], y: list[Tensor], names: list[str]
    ) -> Maps:
        """The maps and one more; `y` is not needed."""
        names.append("pool")
        x.append(F.max_pool2d(x[-1], kernel_size=1, stride=2, padding=0))
        return x, names


class LastLevelP6P7(ExtraFPNBlock):
    """Adds two maps by convolutions of stride 2, 'p6' and 'p7'.

    Args:
        in_channels: of the smallest map that the pyramid is made of.
        out_channels: of the pyramid; where both are equal, the pyramid's smallest map is taken instead.

    >>> import tritonnn as torch
    >>> block = torch.vision.ops.feature_pyramid_network.LastLevelP6P7(3, 2)
    >>> maps, names = block([torch.ones(1, 2, 4, 4)], [torch.ones(1, 3, 4, 4)], ["0"])
    >>> names, tuple(maps[2].shape)
    (['0', 'p6', 'p7'], (1, 2, 1, 1))
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.p6 = nn.Conv2d(in_channels, out_channels, 3, 2, 1)
        self.p7 = nn.Conv2d(out_channels, out_channels, 3, 2, 1)
        for module in (self.p6, self.p7):
            nn.init.kaiming_uniform_(module.weight, a=1)
            nn.init.constant_(module.bias, 0)
        self.use_P5 = in_channels == out_channels

    def forward(self, p: list[Tensor], c: list[Tensor], names: list[str]) -> Maps:
        """The pyramid `p`, made of the maps `c`, and two maps more."""
        p6 = self.p6(p[-1] if self.use_P5 else c[-1])
        p.extend([p6, self.p7(F.relu(p6))])
        names.extend(["p6", "p7"])
        return p, names
