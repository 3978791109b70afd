"""What users see of the plans that cuFFT's transforms keep, `torch.backends.cuda.cufft_plan_cache`."""

from __future__ import annotations

from typing import Any

from tritonnn.device import device as Device

__all__ = ["PlanCache", "PlanCaches"]


def _read_only(name: str) -> str:
    return (
        f".{name} is a read-only property showing the number of plans currently in the cache. "
        "To change the cache capacity, set cufft_plan_cache.max_size."
    )


class PlanCache:
    """The plans of one device.

    Attributes:
        size: how many are kept; read-only.
        max_size: how many may be kept, the least recently used goes first; 0 keeps none.
    """

    def __init__(self, index: int | None) -> None:
        object.__setattr__(self, "_index", index)

    def _plans(self) -> Any:
        from tritonnn.kernels.libraries._plans import plans
        from tritonnn.runtime.interface import runtime

        index = self.__dict__["_index"]
        return plans(runtime().thread.device if index is None else index)

    @property
    def size(self) -> int:
        return len(self._plans())

    @property
    def max_size(self) -> int:
        return self._plans().largest

    def clear(self) -> None:
        """Drop all plans."""
        self._plans().clear()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "size":
            raise RuntimeError(_read_only(name))
        if name != "max_size":
            raise AttributeError(f"cufft_plan_cache has no attribute {name!r} that could be set")
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"cufft_plan_cache.max_size must be an int, got {type(value).__name__}")
        if value < 0:
            raise RuntimeError(f"cuFFT plan cache size must be non-negative, but got {value}")
        self._plans().resize(value)


class PlanCaches(PlanCache):
    """Those of the current device, and by index or device those of another."""

    def __init__(self) -> None:
        super().__init__(None)

    def __getitem__(self, device: Any) -> PlanCache:
        from tritonnn.runtime.interface import runtime

        if isinstance(device, bool) or not isinstance(device, int):
            device = Device(device)
            if device.type != "cuda":
                raise ValueError(f"expected a cuda device, but got: {device}")
            device = runtime().thread.device if device.index is None else device.index
        count = runtime().device_count()
        if not 0 <= device < count:
            raise RuntimeError(
                f"cufft_plan_cache: expected 0 <= device index < {count}, but got device with index {device}"
            )
        return PlanCache(device)
