"""What a bug report needs to know about this machine: `tritonnn.collect_env` by PyTorch's name."""

from __future__ import annotations

from tritonnn.collect_env import collect, main

__all__ = ["get_pretty_env_info", "main"]


def get_pretty_env_info() -> str:
    """The report as text, one `name: value` a line."""
    return "\n".join(f"{name}: {value}" for name, value in collect())


if __name__ == "__main__":
    main()
