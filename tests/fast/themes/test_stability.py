"""How stability is measured: tenths of firms by a hash, and the best Jaccard index."""

from __future__ import annotations

from collections import Counter

import numpy as np
import scipy.sparse as sp

from cloud.src.themes.stability import PARTS, best_jaccard, part_of_firm


def test_tenths_are_even_in_any_order_of_firms() -> None:
    firm_ids = [str(number) for number in range(203)]
    parts = part_of_firm(firm_ids)
    assert parts == part_of_firm([*reversed(firm_ids), "7"])
    sizes = Counter(parts.values())
    assert len(sizes) == PARTS
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_best_jaccard_is_of_the_theme_that_fits_best() -> None:
    members = sp.csr_matrix(np.array([[1, 0], [1, 0], [1, 1], [0, 1]]))
    rerun = sp.csr_matrix(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]]))
    np.testing.assert_allclose(best_jaccard(members, rerun), [2 / 3, 1 / 3])


def test_a_rerun_without_themes_finds_nothing_again() -> None:
    members = sp.csr_matrix(np.ones((3, 2)))
    np.testing.assert_allclose(best_jaccard(members, sp.csr_matrix((3, 0))), [0, 0])
