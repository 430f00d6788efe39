"""How moto is patched."""

from __future__ import annotations

from typing import Any


def patch(owner: Any, name: str, replacement: Any) -> Any:
    """Replace ``owner``'s attribute ``name`` by ``replacement``; return the original.

    Raises AttributeError if there is no such attribute: this is another version of moto, with other names.
    """
    stock = getattr(owner, name)
    setattr(owner, name, replacement)
    return stock


def add(owner: type, action: Any) -> None:
    """Give ``owner``, a service's responses, an action that moto lacks; its name is the function's.

    Raises AttributeError if moto has the action by now, so that the patch can be removed.
    """
    if hasattr(owner, action.__name__):
        raise AttributeError(f"moto has {owner.__name__}.{action.__name__} by now: drop the patch")
    setattr(owner, action.__name__, action)
