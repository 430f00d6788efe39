"""How moto is patched."""

from __future__ import annotations

from typing import Any


def patch(owner: Any, name: str, replacement: Any) -> Any:
    """Put ``replacement`` in the place of ``owner``'s attribute ``name``; return what was there.

    Raises AttributeError when there was nothing: another moto, whose parts have other names.
    """
    stock = getattr(owner, name)
    setattr(owner, name, replacement)
    return stock


def add(owner: type, action: Any) -> None:
    """Give ``owner``, a service's responses, an action that moto lacks; its name is the function's.

    Raises AttributeError when moto has the action by now, and the patch is to go.
    """
    if hasattr(owner, action.__name__):
        raise AttributeError(f"moto has {owner.__name__}.{action.__name__} by now: drop the patch")
    setattr(owner, action.__name__, action)
