"""Where files come from and go to, under the names that torchvision's datasets and models import."""

from __future__ import annotations

import os

from tritonnn.hub import _get_torch_home
from tritonnn.hub import load_state_dict_from_url as load_state_dict_from_url

__all__ = ["load_state_dict_from_url"]

_HOME = os.path.join(_get_torch_home(), "datasets", "vision")
_USE_SHARDED_DATASETS = False
IN_FBCODE = False


def _download_file_from_remote_location(fpath: str, url: str) -> None:
    """Nothing to do: there is no place but the address itself (see `_is_remote_location_available`)."""


def _is_remote_location_available() -> bool:
    return False


def _get_extension_path(lib_name: str) -> str:
    """Raises ImportError: operators are kernels of tritonnn, not a library of compiled ones."""
    raise ImportError(
        f"tritonnn.vision has no compiled library '{lib_name}': its operators are Python and Triton"
    )
