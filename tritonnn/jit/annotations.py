"""Types that TorchScript knows and Python does not: lists that a single number may stand for."""

from __future__ import annotations

import typing
from typing import Any, Final

__all__ = [
    "Any", "BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "Dict", "Final", "List", "Optional", "Tuple",
    "Union",
]  # fmt: skip

# the older names, which programs import from here
Dict, List, Tuple = typing.Dict, typing.List, typing.Tuple  # noqa: UP006
Optional, Union = typing.Optional, typing.Union


class BroadcastingListCls:
    """Written `BroadcastingList2[int]` in annotations; nothing asks what it means."""

    def __getitem__(self, types: Any) -> None:
        return None


BroadcastingList1 = BroadcastingListCls()
BroadcastingList2 = BroadcastingList3 = BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = (
    BroadcastingList1
)
