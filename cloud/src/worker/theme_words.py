"""Which words the topics or the firms of a theme have in common: by their keywords, which no LLM has written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def shared_words(keywords_of_each: Iterable[Sequence[str]], n_words: int) -> list[tuple[str, float]]:
    """The words that most topics (or firms) have among their keywords, with the share of those that do.

    A word that only one has is not shared. A word of a pair counts too; of equally shared words the alphabetically
    first comes first.
    """
    words_of_each = [{word for keyword in keywords for word in keyword.split()} for keywords in keywords_of_each]
    counts = Counter(word for words in words_of_each for word in words)
    shared = [(word, count) for word, count in counts.items() if count > 1]
    best = sorted(shared, key=lambda item: (-item[1], item[0]))[:n_words]
    return [(word, count / len(words_of_each)) for word, count in best]
