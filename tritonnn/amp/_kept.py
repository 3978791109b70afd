"""What autocast was set to in forward, for what is computed again in backward."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tritonnn.dispatch import autocast, switch


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
