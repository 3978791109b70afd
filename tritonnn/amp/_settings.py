"""What autocast is set to: checks of what it is set to, and keeping it for what is computed again in backward."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tritonnn.device import device as Device
from tritonnn.dispatch import autocast, switch
from tritonnn.dtypes import dtype as DType


def wrong(function: str, name: str, position: int, wanted: str, value: object) -> TypeError:
    """What is said of an argument of another class."""
    return TypeError(
        f"{function}(): argument '{name}' (position {position}) must be {wanted}, not {type(value).__name__}"
    )


def known_device(function: str, device_type: object) -> str:
    """The device type, refused where it is none."""
    if not isinstance(device_type, str):
        raise wrong(function, "device_type", 1, "str", device_type)
    return device_type if device_type in autocast.dtypes else Device(device_type).type


def lower_of(function: str, device_type: object) -> DType:
    """The lower precision on a device type, refused where there is no autocast."""
    device = known_device(function, device_type)
    if device not in autocast.dtypes:
        raise RuntimeError(f"{function}: there is no autocast on device_type '{device}'")
    return autocast.dtypes[device]


def set_on(device: str, enabled: bool) -> None:
    """Switch autocast on or off for a device type."""
    on = {name: dtype for name, dtype in autocast.on.items() if name != device}
    if enabled:
        on[device] = lower_of("set_autocast_enabled", device)
    switch(on)


class Kept:
    """What autocast is set to here, to compute the same again in backward."""

    def __init__(self) -> None:
        self.on, self.dtypes, self.cache_enabled = autocast.on, dict(autocast.dtypes), autocast.cache_enabled

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Within the block it is set to that; casts of parameters are not kept beyond."""
        before, casts = Kept(), autocast.casts
        self._set()
        autocast.casts = {}
        try:
            yield
        finally:
            before._set()
            autocast.casts = casts

    def _set(self) -> None:
        switch(self.on)
        autocast.dtypes, autocast.cache_enabled = dict(self.dtypes), self.cache_enabled
