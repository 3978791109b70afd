"""The base class of all optimizers: parameter groups, state, hooks, and their saving and loading."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, TypeAlias

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._helpers import *  # noqa: F403  PyTorch's names for optimizers of other packages
from tritonnn.optim._hooks import (
    register,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
    with_hooks,
)
from tritonnn.utils.hooks import RemovableHandle

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

ParamsT: TypeAlias = Iterable[Tensor | dict[str, Any] | tuple[str, Tensor]]
StateDict: TypeAlias = dict[str, Any]
Group: TypeAlias = dict[str, Any]


class _Required:
    """Marks an option in ``defaults`` that every parameter group has to give itself."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Base class: holds the parameters in groups, their options and the state kept per parameter.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dicts with the key ``params`` and options of their own.
        defaults: option values for the groups that do not give them.

    Raises:
        TypeError: ``params`` is a single tensor, or holds something that is not a tensor.
        ValueError: no parameters, a tensor that is not a leaf, or one that stands in two groups.

    Example:
        >>> import tritonnn as torch
        >>> class SignDescent(torch.optim.Optimizer):
        ...     def __init__(self, params, lr):
        ...         super().__init__(params, {"lr": lr})
        ...     @torch.no_grad()
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 p.sub_(p.grad.sign() * group["lr"])
        >>> w = torch.tensor([1.0, -1.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> SignDescent([w], lr=0.5).step()
        >>> w.tolist()
        [0.5, -0.5]
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]
    _HOOKS = (
        "_optimizer_step_pre_hooks",
        "_optimizer_step_post_hooks",
        "_optimizer_state_dict_pre_hooks",
        "_optimizer_state_dict_post_hooks",
        "_optimizer_load_state_dict_pre_hooks",
        "_optimizer_load_state_dict_post_hooks",
    )

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got a {type(params).__name__}: write [p] for a single one"
            )
        self.state: defaultdict[Tensor, Any] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare_hooks(self) -> None:
        for name in self._HOOKS:
            if name not in self.__dict__:
                setattr(self, name, OrderedDict())
        cls = type(self)
        # Wrapped where the class is first used, so that the step of a user's own subclass has hooks as well.
        if not getattr(cls.step, "hooked", False):
            cls.step = with_hooks(cls.step)

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare_hooks()
        self.defaults.setdefault("differentiable", False)

    def _patch_step_function(self) -> None:
        """What optimizers around others call in place of `__init__`: hooks get their places."""
        self._prepare_hooks()

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params")
        return text + ")"

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates the parameters once from their ``grad``; every subclass defines it.

        Args:
            closure: clears the gradients, computes the loss, calls ``backward`` and returns the loss.

        Returns:
            What the closure returned, or None without one.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step method")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients of all parameters, or fills them with zeros.

        Args:
            set_to_none: True sets ``grad`` to None, so a parameter that gets no gradient is skipped by
                ``step``; False keeps the memory and writes zeros.

        Example:
            >>> import tritonnn as torch
            >>> w = torch.ones(2, requires_grad=True)
            >>> w.sum().backward()
            >>> torch.optim.SGD([w], lr=0.1).zero_grad()
            >>> w.grad is None
            True
        """
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if set_to_none:
                    p.grad = None
                    continue
                if p.grad.grad_fn is not None:
                    p.grad.detach_()
                else:
                    p.grad.requires_grad_(False)
                p.grad.zero_()

    def add_param_group(self, param_group: Group) -> None:
        """Adds a group of parameters with options of its own, for example layers thawed during training.

        Args:
            param_group: ``{"params": tensors or (name, tensor) pairs, option: value, ...}``; it is completed
                with the defaults in place.

        Raises:
            TypeError: not a dict, a set of parameters, or a member that is no Tensor.
            ValueError: a non-leaf, a missing required option, a parameter that already is in another group,
                or names given for some parameters only.

        Example:
            >>> import tritonnn as torch
            >>> opt = torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.1)
            >>> opt.add_param_group({"params": torch.ones(3, requires_grad=True), "lr": 0.01})
            >>> [group["lr"] for group in opt.param_groups]
            [0.1, 0.01]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _unpack_params(param_group)
        for param in param_group["params"]:
            if not isinstance(param, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}"
                )
            if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)

        own = set(param_group["params"])
        if len(own) != len(param_group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters: "
                "each copy makes an update of its own",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {kind} to the optimizer"
                )
            if not own.isdisjoint(group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def state_dict(self) -> StateDict:
        """The optimizer as plain data: ``{"state": {index: ...}, "param_groups": [...]}``.

        Parameters are replaced by their running index over all groups. The tensors are the optimizer's own,
        not copies.

        Example:
            >>> import tritonnn as torch
            >>> opt = torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.1)
            >>> opt.state_dict()["param_groups"][0]["params"]
            [0]
        """
        for pre_hook in self._optimizer_state_dict_pre_hooks.values():
            pre_hook(self)
        index: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for i, p in enumerate(group["params"], start):
                index.setdefault(id(p), i)
            packed["params"] = [index[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {index[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: StateDict = {"state": state, "param_groups": groups}
        for post_hook in self._optimizer_state_dict_post_hooks.values():
            changed = post_hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Takes over state and options from a ``state_dict`` of the same kind of optimizer.

        State tensors are moved to the device of their parameter, and cast to its dtype where that is floating
        point; the step count keeps its own dtype.

        Raises:
            ValueError: the number of groups, or of parameters in a group, differs.

        Example:
            >>> import tritonnn as torch
            >>> w = torch.ones(2, requires_grad=True)
            >>> saved = torch.optim.SGD([w], lr=0.1, momentum=0.9).state_dict()
            >>> opt = torch.optim.SGD([w], lr=0.5)
            >>> opt.load_state_dict(saved)
            >>> opt.param_groups[0]["lr"], opt.param_groups[0]["momentum"]
            (0.1, 0.9)
        """
        state_dict = state_dict.copy()
        for pre_hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = pre_hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        saved_groups = deepcopy(state_dict["param_groups"])
        _check_groups(self.param_groups, saved_groups)

        owner: dict[Any, tuple[Tensor, Group]] = {}
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            owner.update((key, (p, saved)) for key, p in zip(saved["params"], group["params"], strict=True))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in owner:
                param, saved = owner[key]
                state[param] = _cast_state(value, param, saved)
            else:
                state[key] = value
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for post_hook in self._optimizer_load_state_dict_post_hooks.values():
            post_hook(self)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Registers ``hook(optimizer, args, kwargs)`` before ``step``; it may change both."""
        return register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Registers ``hook(optimizer, args, kwargs)`` after ``step``."""
        return register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Registers ``hook(optimizer)`` before ``state_dict``."""
        return register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[[Optimizer, StateDict], StateDict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Registers ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another dict."""
        return register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[[Optimizer, StateDict], StateDict | None], prepend: bool = False
    ) -> RemovableHandle:
        """Registers ``hook(optimizer, state_dict)`` before ``load_state_dict``; it may replace it."""
        return register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[[Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Registers ``hook(optimizer)`` after ``load_state_dict``."""
        return register(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def run_closure(closure: Callable[[], Any] | None) -> Any:
    """The loss that the closure of a step returns, computed with a graph."""
    if closure is None:
        return None
    with tritonnn.enable_grad():
        return closure()


def one_element(name: str, value: Any) -> None:
    """Raises ValueError where an option is a Tensor of several elements."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {name} must be 1-element")


def _unpack_params(group: Group) -> None:
    """Turns ``group["params"]`` into a list of tensors and moves names, where given, into ``param_names``."""
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors "
            "in sets will change between runs. Please use a list instead."
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [param[0] for param in params if isinstance(param, tuple)]
    if names and len(names) != len(params):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in params]
    if names:
        group["param_names"] = names


def _check_groups(groups: list[Group], saved: list[Group]) -> None:
    if len(groups) != len(saved):
        raise ValueError(
            "loaded state dict has a different number of parameter groups: "
            f"{len(saved)} where the optimizer has {len(groups)}"
        )
    for i, (group, other) in enumerate(zip(groups, saved, strict=True)):
        if len(group["params"]) != len(other["params"]):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                f"group: group {i} has {len(other['params'])} parameters where the optimizer has "
                f"{len(group['params'])}"
            )


def _cast_state(value: Any, param: Tensor, group: Group, key: Any = None) -> Any:
    """A copy of one parameter's saved state, its tensors on the parameter's device and in its dtype."""
    if isinstance(value, Tensor):
        if key == "step":
            # The count of steps stands on the host unless the step has to run without reading it there.
            on_device = group.get("capturable") or group.get("fused")
            return value.to(dtype=tritonnn.float32, device=param.device) if on_device else value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)
    if isinstance(value, dict):
        return {k: _cast_state(v, param, group, k) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return type(value)(_cast_state(v, param, group) for v in value)
    return value
