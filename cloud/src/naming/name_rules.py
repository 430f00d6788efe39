"""What a name looks like: two to six words in Title Case, with no firm's name, no quarter and no figure.

``tidy`` fixes what can be fixed without asking again; ``why_refused`` says what cannot, as the end of the sentence
"That name is refused: ..." that the model is sent (prompts/again_v1.txt).
Whether a name is about its topic is another question, which naming/guard.py answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cloud.src.contract.text import one_line

MIN_WORDS, MAX_WORDS = 2, 6
MAX_LENGTH = 48
# A sentence of fewer words ("Clinical trials.") may be a name as it is.
_COPIED_WORDS = 4

SMALL_WORDS = frozenset("a an and as at by for from in into of on or over per the to vs with".split())
_ACRONYMS = frozenset(
    "2d 2g 3d 3g 4g 5g 6g ai api covid cpi ebitda eps erp esg ev fda fx gaap gpu ip ipo it lng m&a nii r&d us".split()
)
# Pronouns and verbs, which sentences have and names have not.
_OF_SENTENCES = frozenset(
    "i i'm i've i'll my we we're we've we'll our you you're your they they're he she it's that's there's is isn't are "
    "aren't was wasn't were weren't am been has hasn't have haven't had will won't would can can't could couldn't "
    "should must did didn't does doesn't don't let's please".split()
)
# An answer of nothing but these says nothing.
_EMPTY = frozenset(
    "a an and answer call calls company conference example examples general keyword keywords misc miscellaneous n/a "
    "name none null of other others sentence sentences string summary text the title topic topics unknown untitled "
    "various".split()
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_QUARTER = re.compile(rf"\b((q[1-4]|[1-4]q|[12]h|h[12]|fy)[ '-]?\d*|quarters?|{_MONTHS}|(19|20)\d\d)\b", re.IGNORECASE)
# With or without a unit: "5.4", "3%", "60bps", "100th". COVID-19, 5G, F-35 and 401(k) are no figures.
_FIGURE = re.compile(r"[$€£¥%#]|(?<![\w-])\d[\d.,:/]*(bps|bn|mm|m|k|x|st|nd|rd|th)?(?![\w(])", re.IGNORECASE)
# Marks that no name has, or that stand alone ("Freight / Ports"); "Mergers & Acquisitions" is a name.
_STRANGE_MARK = re.compile(r"[^\w\s&'.,()/+-]|_|(?<!\S)['.,()/+-]+(?!\S)")
_PLAIN_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
LEGAL_FORMS = frozenset(
    "ag co companies company corp corporation group holding holdings inc incorporated limited llc lp ltd nv plc sa "
    "se".split()
)


def tidy(title: str) -> str:
    """The answer as one printable line in Title Case, without quotation marks, end marks and a leading article."""
    plain = unicodedata.normalize("NFKC", title).translate(_PLAIN_QUOTES)
    words = one_line(plain).strip("\"'`.,:;*- ").split()
    if len(words) > MIN_WORDS and words[0].lower() in ("the", "a", "an"):
        words = words[1:]
    return title_case(" ".join(words))


def title_case(name: str) -> str:
    """Capitals at the start of all but small words; those inside a word ("EBITDA", "iPhone") stay as they are."""
    words = name.split()
    return " ".join(_capitalised(word, is_first=number == 0) for number, word in enumerate(words))


def why_refused(name: str, sentences: Sequence[str] = (), firm: Sequence[str] = ()) -> str | None:  # noqa: C901
    """Why this is no name, in words for the model that is asked again; None when it is one.

    ``sentences``: those it stands for. ``firm``: what the firm is called (its name, its ticker).
    """
    words = name.lower().split()
    if not any(character.isalpha() for character in name):
        return "it has no letters"
    if words[-1] in SMALL_WORDS:
        return f'it ends with "{words[-1]}"'
    if set(words) <= _EMPTY:
        return "it says nothing about the sentences"
    if _is_sentence(words, sentences):
        return "it is a sentence and not a name"
    if repeated := [word for word in words if words.count(word) > 1 and word not in SMALL_WORDS]:
        return f'it says "{repeated[0]}" twice'
    if _QUARTER.search(name):
        return "it must not have a quarter, month or year"
    if _FIGURE.search(name):
        return "it must not have figures"
    if not MIN_WORDS <= len(words) <= MAX_WORDS or len(name) > MAX_LENGTH:
        return f"it must have {MIN_WORDS} to {MAX_WORDS} words and at most {MAX_LENGTH} characters"
    if "," in name and not {"and", "&"} & set(words):
        return "it must be one name and not a list"
    if name != " ".join(name.split()) or not name.isprintable() or _STRANGE_MARK.search(name):
        return "it must be one line of plain words"
    if not _is_in_the_script_of(sentences, name):
        return "it must be in the script of the sentences"
    if called := _firm_in(name, sentences, firm):
        return f'it must not have the company\'s name "{called}"'
    return None


def _capitalised(word: str, is_first: bool) -> str:
    if word.lower() in _ACRONYMS:
        return word.upper()
    if any(character.isupper() for character in word):
        return word
    if word in SMALL_WORDS and not is_first:
        return word
    return word[:1].upper() + word[1:]


def _is_sentence(words: list[str], sentences: Sequence[str]) -> bool:
    if _OF_SENTENCES & set(words):
        return True
    return len(words) >= _COPIED_WORDS and _plain(" ".join(words)) in (_plain(sentence) for sentence in sentences)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _is_in_the_script_of(sentences: Sequence[str], name: str) -> bool:
    # The sentences are looked at only where the name gives a reason to: most of the time of naming went there.
    other_scripts = _scripts(name) - {"LATIN"}
    return not other_scripts or other_scripts <= _scripts(" ".join(sentences))


def _scripts(text: str) -> set[str]:
    """The writing systems of the letters: the first word of a letter's Unicode name is that of its script."""
    return {unicodedata.name(character, "?").split()[0] for character in set(text) if character.isalpha()}


def _firm_in(name: str, sentences: Sequence[str], firm: Sequence[str]) -> str | None:
    """The firm's name as it stands in this one.

    A word of a firm's name counts unless the sentences write it in small letters: "Capital Return" is a name for a
    topic of Capital One, whose sentences speak of capital, but "Stryker Robots" is not one for a topic of Stryker.
    """
    of_name = [word.lower() for word in re.findall(r"[\w&]+", name)]
    for called in firm:
        own: list[str] = [
            word for word in re.findall(r"[\w&]+", called) if word.lower() not in LEGAL_FORMS | SMALL_WORDS
        ]
        if len(own) > 1 and f" {' '.join(own)} ".lower() in f" {' '.join(of_name)} ":
            return " ".join(own)
        for word in own:
            if len(word) > 1 and word.lower() in of_name and word.lower() not in _in_small_letters(sentences):
                return word
    return None


def _in_small_letters(sentences: Sequence[str]) -> set[str]:
    """The words that the sentences write so."""
    return {word for word in re.findall(r"[\w&]+", " ".join(sentences)) if word.islower()}
