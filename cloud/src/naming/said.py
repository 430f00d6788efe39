"""How much of what a model writes has been said in the text that it writes about."""

from __future__ import annotations

import re
from collections.abc import Collection

from cloud.src.naming.name_rules import SMALL_WORDS

# So many first letters make two words one: "suspend", "suspended", "suspension".
_STEM_LENGTH = 5


def content_words(text: str) -> list[str]:
    """Lower-case words but small ones."""
    return [word for word in re.findall(r"[\w&]+", text.lower()) if word not in SMALL_WORDS and len(word) > 1]


def share_said(written: str, said: str, ignored: Collection[str] = ()) -> float:
    """Share of the words in ``written`` that ``said`` has in any form, 0 to 1; 0 when there are none that count."""
    known = {_stem(word) for word in content_words(said)}
    hits = [_stem(word) in known for word in content_words(written) if word not in ignored]
    return sum(hits) / len(hits) if hits else 0


def _stem(word: str) -> str:
    return word.removesuffix("s")[:_STEM_LENGTH]
