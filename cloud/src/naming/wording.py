"""Whose words a name is made of: a second look at a name, beside the meaning that its embedding has.

An embedding takes a name to its neighbours in meaning; words tell two topics of one firm apart that are about nearly
the same thing ("Net Interest Margin", "Net Interest Income").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from cloud.src.naming.said import stems


class Wording:
    """The words of a firm's topics in TF-IDF vectors, each topic one document.

    ``texts`` holds what was said of each topic.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        vocabulary = sorted({stem for text in texts for stem in stems(text)})
        # A vocabulary without a word is an error to the library; no name has the blank.
        self._weights = TfidfVectorizer(analyzer=stems, vocabulary=vocabulary or [" "], sublinear_tf=True)
        self._topics = self._weights.fit_transform(texts) if texts else None

    def margin(self, name: str, topic: int) -> float:
        """The cosine of a name's words to those of its topic (a row of ``texts``), less that to any other topic."""
        return float(self.margins([name], topic)[0])

    def margins(self, names: Sequence[str], topic: int) -> NDArray[np.float64]:
        """The margins of several names of one topic: at once, because each look takes the library a millisecond."""
        if self._topics is None or not names:
            return np.zeros(len(names))
        cosines = (self._topics @ self._weights.transform(names).T).toarray()
        return cosines[topic] - np.delete(cosines, topic, axis=0).max(axis=0, initial=0)
