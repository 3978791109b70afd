"""Types that TorchScript knows and Python does not: lists that a single number may stand for."""

from __future__ import annotations

from typing import Any

__all__ = ["BroadcastingList1", "BroadcastingList2", "BroadcastingList3"]


class BroadcastingListCls:
    """Written `BroadcastingList2[int]` in annotations; nothing asks what it means."""

    def __getitem__(self, types: Any) -> None:
        return None


BroadcastingList1 = BroadcastingListCls()
for _number in range(2, 7):
    globals()[f"BroadcastingList{_number}"] = BroadcastingList1
