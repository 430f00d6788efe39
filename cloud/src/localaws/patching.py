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
