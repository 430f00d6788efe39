"""Tells in which language a call is held: the models know English only."""

from __future__ import annotations

import functools
import re
from typing import Any

ENGLISH = "en"
ALL_LANGUAGES = "--all-languages"  # the option that keeps the others

_CHARACTERS = 400  # of a call: enough to tell, and more takes more than a millisecond
_LEAST_LETTERS = 100  # in fewer, names and numbers outweigh the words
_SURE = 0.95  # only then is a call anything but English
# Other scripts are told by their letters, however short the call is.
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile("[\u4e00-\u9fff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
}
_LETTER = re.compile(r"[^\W\d_]")
_FOREIGN_SHARE = 0.3  # of the letters; of Japanese 0.1, because it is mixed with Chinese ones


def language_of(text: str) -> str:
    """Return the language's code of ISO 639-1; ENGLISH also where it cannot be told."""
    start = max(0, (len(text) - _CHARACTERS) // 2)  # the middle: calls begin with names
    text = text[start : start + _CHARACTERS]
    n_letters = len(_LETTER.findall(text))
    if not text.isascii():
        for code, script in _SCRIPTS.items():
            if len(script.findall(text)) > (0.1 if code == "ja" else _FOREIGN_SHARE) * n_letters:
                return code
    if n_letters < _LEAST_LETTERS:
        return ENGLISH
    code, probability = _identifier().classify(text)
    return str(code) if probability >= _SURE else ENGLISH


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # here: it unpacks its model when it is made

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
