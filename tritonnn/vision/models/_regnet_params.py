"""The stages of a RegNet, computed from the few numbers that describe one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tritonnn.vision.models._utils import _make_divisible


class BlockParams:
    """Depth, width, group width, bottleneck and stride of each stage."""

    def __init__(
        self,
        depths: list[int],
        widths: list[int],
        group_widths: list[int],
        bottleneck_multipliers: list[float],
        strides: list[int],
        se_ratio: float | None = None,
    ) -> None:
        self.depths = depths
        self.widths = widths
        self.group_widths = group_widths
        self.bottleneck_multipliers = bottleneck_multipliers
        self.strides = strides
        self.se_ratio = se_ratio

    @classmethod
    def from_init_params(
        cls,
        depth: int,
        w_0: int,
        w_a: float,
        w_m: float,
        group_width: int,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
        **kwargs: Any,
    ) -> BlockParams:
        """The stages of a network of `depth` blocks. What else is passed is for the network, and not looked at.

        Block i wants the width w_0 + w_a i; it gets the nearest w_0 w_m^n, rounded to 8. Blocks of one width are a
        stage.
        """
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError("Invalid RegNet settings")
        exponents = [round(math.log((w_0 + w_a * i) / w_0) / math.log(w_m)) for i in range(depth)]
        blocks = [round(w_0 * w_m**n / 8) * 8 for n in exponents]
        widths = sorted(set(blocks))
        multipliers, groups = [bottleneck_multiplier] * len(widths), [group_width] * len(widths)
        depths = [blocks.count(width) for width in widths]
        widths, groups = cls._adjust_widths_groups_compatibilty(widths, multipliers, groups)
        return cls(depths, widths, groups, multipliers, [2] * len(widths), se_ratio)

    def _get_expanded_params(self) -> Iterator[tuple[int, int, int, int, float]]:
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers)

    @staticmethod
    def _adjust_widths_groups_compatibilty(
        stage_widths: list[int], bottleneck_ratios: list[float], group_widths: list[int]
    ) -> tuple[list[int], list[int]]:
        """Widths whose bottlenecks are whole numbers of groups."""
        inner = [int(width * ratio) for width, ratio in zip(stage_widths, bottleneck_ratios)]
        groups = [min(group, width) for group, width in zip(group_widths, inner)]
        inner = [_make_divisible(width, group) for width, group in zip(inner, groups)]
        return [int(width / ratio) for width, ratio in zip(inner, bottleneck_ratios)], groups
