"""Questions about several objects at once."""

from __future__ import annotations

from collections.abc import Iterable


def all_same_mode(modes: Iterable[object]) -> bool:
    """Whether all are one object.

    >>> from tritonnn.utils._mode_utils import all_same_mode
    >>> all_same_mode([]), all_same_mode([3, 3])
    (True, True)
    """
    given = list(modes)
    return all(mode is given[0] for mode in given)
