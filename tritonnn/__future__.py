"""How modules take the results of conversions such as `module.to(...)`: settings of all modules."""

from __future__ import annotations

from tritonnn.nn import _conversion

__all__ = [
    "get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion",
]  # fmt: skip


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether a conversion gives a module new Parameters, instead of new data to those it has.

    >>> import tritonnn as torch
    >>> torch.__future__.set_overwrite_module_params_on_conversion(False)
    """
    _conversion.overwrite = value


def get_overwrite_module_params_on_conversion() -> bool:
    """What `set_overwrite_module_params_on_conversion` was given.

    >>> import tritonnn as torch
    >>> torch.__future__.get_overwrite_module_params_on_conversion()
    False
    """
    return _conversion.overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether a conversion exchanges a Parameter with its converted self, class and attributes included.

    >>> import tritonnn as torch
    >>> torch.__future__.set_swap_module_params_on_conversion(False)
    """
    _conversion.swap = value


def get_swap_module_params_on_conversion() -> bool:
    """What `set_swap_module_params_on_conversion` was given.

    >>> import tritonnn as torch
    >>> torch.__future__.get_swap_module_params_on_conversion()
    False
    """
    return _conversion.swap
