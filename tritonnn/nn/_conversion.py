"""How modules take the results of conversions: what `torch.__future__` sets."""

from __future__ import annotations

#: new Parameters, instead of new data for those that there are
overwrite = False
#: the Parameter and its converted self exchange all that they are
swap = False
