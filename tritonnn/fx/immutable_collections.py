"""Lists and dictionaries that refuse to be written to: what the arguments of a node are kept in."""

from __future__ import annotations

from typing import Any, NoReturn

from tritonnn.utils._pytree import register_pytree_node

__all__ = ["immutable_dict", "immutable_list"]

_LIST = "append clear extend insert pop remove reverse sort __delitem__ __iadd__ __imul__ __setitem__"
_DICT = "clear pop popitem setdefault update __delitem__ __ior__ __setitem__"


def _refusing(names: str) -> dict[str, Any]:
    def refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__!r} object does not support mutation. To change the args or kwargs of a "
            "torch.fx.Node, change a copy and assign it:\n\n    new_args = ...  # copy and mutate args\n"
            "    node.args = new_args"
        )

    return dict.fromkeys(names.split(), refuse)


class immutable_list(list):
    """A list that cannot be changed, and therefore has a hash.

    >>> from tritonnn.fx.immutable_collections import immutable_list
    >>> immutable_list([1, 2]).append(3)
    Traceback (most recent call last):
    TypeError: 'immutable_list' object does not support mutation. ...
    """

    locals().update(_refusing(_LIST))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self) -> tuple:
        return immutable_list, (tuple(self),)


class immutable_dict(dict):
    """A dictionary that cannot be changed, and therefore has a hash.

    >>> from tritonnn.fx.immutable_collections import immutable_dict
    >>> immutable_dict(a=1)["a"]
    1
    """

    locals().update(_refusing(_DICT))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple:
        return immutable_dict, (tuple(self.items()),)


register_pytree_node(
    immutable_list,
    lambda values: (list(values), None),
    lambda values, _: immutable_list(values),
    serialized_type_name="torch.fx.immutable_collections.immutable_list",
)
register_pytree_node(
    immutable_dict,
    lambda values: (list(values.values()), list(values)),
    lambda values, keys: immutable_dict(zip(keys, values, strict=True)),
    serialized_type_name="torch.fx.immutable_collections.immutable_dict",
)
