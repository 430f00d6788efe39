"""Long arrays are gone through in blocks: where one ends changes nothing."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from cloud.src.themes import count, dictionary, families, measure, refine, sentence_grid
from cloud.src.themes.measure import Limits, fit, measure_fitted
from tests.fast.themes.planted_quarter import SUBJECTS, planted

LIMITS = Limits(min_firms=2, max_firm_dominance=0.4)


@pytest.mark.parametrize("module", [count, dictionary, families, measure, refine, sentence_grid])
def test_where_a_block_ends_changes_nothing(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences, _ = planted()
    fitted = fit(sentences, len(SUBJECTS), LIMITS)
    counted = measure_fitted(fitted, sentences)

    monkeypatch.setattr(module, "_BLOCK", 7)
    again = fit(sentences, len(SUBJECTS), LIMITS)
    counted_again = measure_fitted(again, sentences)

    np.testing.assert_array_equal(fitted.themes.centroids, again.themes.centroids)
    for name in ("purity", "share", "log_odds"):
        one, other = (getattr(each.themes.dictionary, name).toarray() for each in (fitted, again))
        np.testing.assert_array_equal(one, other)
    for column in ("sentence", "theme", "similarity", "phrase"):
        np.testing.assert_array_equal(getattr(counted.themes, column), getattr(counted_again.themes, column))
