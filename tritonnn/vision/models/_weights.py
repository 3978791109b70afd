"""What is known of trained weights, and the enumerations that it stands in.

The facts are data: `_data/resnet.json` has, for every enumeration of `models/resnet.py`, its members with address,
preset of transforms, and metadata. `class ResNet18_Weights(WeightsEnum, data="resnet")` has them as members.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, EnumMeta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from tritonnn.vision import _internally_replaced_utils as files
from tritonnn.vision.models._meta import DATA, names
from tritonnn.vision.transforms import _presets

__all__ = ["Weights", "WeightsEnum"]

T = TypeVar("T")


@dataclass
class Weights:
    """Weights that somebody has trained.

    Args:
        url: where the file is.
        transforms: makes what an input goes through before the network.
        meta: what is known of them: 'num_params', 'categories', 'min_size', '_metrics', ...

    >>> import tritonnn as torch
    >>> torch.vision.models.Weights("https://example.org/net.pth", dict, {"num_params": 3}).meta
    {'num_params': 3}
    """

    __module__ = "tritonnn.vision.models._api"  # where torchvision has it, and programs import it from

    url: str
    transforms: Callable[..., Any]
    meta: dict[str, Any]

    def __eq__(self, other: object) -> bool:
        # Copies and unpickled ones must equal the member they come from, and two `partial` never are equal.
        if not isinstance(other, Weights):
            return NotImplemented
        return (self.url, self.meta, _parts(self.transforms)) == (
            other.url,
            other.meta,
            _parts(other.transforms),
        )


def _parts(transforms: Callable[..., Any]) -> object:
    if isinstance(transforms, partial):
        return transforms.func, transforms.args, transforms.keywords
    return transforms


class _FromData(EnumMeta):
    """Makes the members of an enumeration from `_data/{data}.json`, where `data` is given."""

    @classmethod
    def __prepare__(metacls, cls: str, bases: tuple[type, ...], data: str | None = None) -> Any:  # type: ignore[override]
        members = super().__prepare__(cls, bases)
        for name, value in _read(data)[cls].items() if data else ():
            members[name] = members[value] if isinstance(value, str) else _weights(**value)
        return members

    def __new__(metacls, cls: str, bases: tuple[type, ...], members: Any, data: str | None = None) -> Any:
        return super().__new__(metacls, cls, bases, members)

    def __init__(cls, name: str, bases: tuple[type, ...], members: Any, data: str | None = None) -> None:
        super().__init__(name, bases, members)

    if TYPE_CHECKING:

        def __getattr__(cls: type[T], name: str) -> T: ...


class WeightsEnum(Enum, metaclass=_FromData):
    """All weights that there are for one network; members have `Weights` as values.

    >>> from tritonnn.vision.models import ResNet18_Weights
    >>> ResNet18_Weights.DEFAULT, ResNet18_Weights.DEFAULT.meta["num_params"]
    (ResNet18_Weights.IMAGENET1K_V1, 11689512)
    >>> image = ResNet18_Weights.DEFAULT.transforms()
    >>> image.crop_size, image.resize_size
    ([224], [256])
    """

    __module__ = "tritonnn.vision.models._api"
    _value_: Weights

    @classmethod
    def verify(cls, obj: object) -> Any:
        """The member that is meant: one of its own, one's name ('DEFAULT' or 'ResNet18_Weights.DEFAULT'), or None.

        Raises:
            TypeError: a member of another enumeration. KeyError: there is no member of that name.
        """
        if obj is None or isinstance(obj, cls):
            return obj
        if type(obj) is str:
            return cls[obj.replace(f"{cls.__name__}.", "")]
        raise TypeError(
            f"Invalid Weight class provided; expected {cls.__name__} but received {obj.__class__.__name__}."
        )

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load the file from the cache of `torch.hub`, into which it is downloaded first where it is not there.

        Args:
            args: of `torch.hub.load_state_dict_from_url`, behind the address.
            kwargs: the same, by name: `progress=True, check_hash=True`.
        """
        return files.load_state_dict_from_url(self.url, *args, **kwargs)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}.{self._name_}"

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.value.url

    @property
    def transforms(self) -> Callable[..., Any]:
        """Makes what an input goes through before the network."""
        return self.value.transforms

    @property
    def meta(self) -> dict[str, Any]:
        """What is known of the weights."""
        return self.value.meta


@cache
def _read(family: str) -> dict[str, dict[str, Any]]:
    return json.loads((DATA / f"{family}.json").read_text(encoding="utf-8"))


def _weights(url: str, transforms: dict[str, Any], meta: dict[str, Any]) -> Weights:
    """One member, from what stands in the file."""
    preset, *options = transforms.items()
    meta = {key: _META.get(key, _same)(value) for key, value in meta.items()}
    arguments = {key: _OPTIONS.get(key, _same)(value) for key, value in options}
    make = getattr(_presets, preset[1])
    return Weights(url, partial(make, **arguments) if arguments else make, meta)


def _same(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names_or_none(of: str | None) -> list[str] | None:
    return None if of is None else names(of)


_META: dict[str, Callable[[Any], Any]] = {"categories": _names_or_none, "keypoint_names": _names_or_none}
_OPTIONS: dict[str, Callable[[Any], Any]] = {"interpolation": _presets.InterpolationMode}
