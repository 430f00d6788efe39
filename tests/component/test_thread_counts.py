"""Topics and themes are the same, to the last bit, with any number of threads for matrix products."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRINT_TOPICS = """
import numpy as np
from cloud.src.models.embeddings import unit
from cloud.src.topics.find_topics import find_topics
for n_sentences in (200, 2_500):
    for topic in find_topics(unit(np.random.default_rng(1).normal(size=(n_sentences, 64)))):
        print(topic.rows.tolist(), topic.representatives.tolist(), topic.centroid.tobytes().hex())
"""

PRINT_THEMES = """
from cloud.src.themes import find_themes as themes
from tests.fast.themes.test_find_themes import find, spread
themes.MAX_EXACT_TOPICS = 500
print([theme.rows.tolist() for theme in find(*spread(3000))])
"""

PRINT_LINKAGE = """
import numpy as np
from tests.fast.themes.test_average_linkage import clouds
from cloud.src.themes.average_linkage import average_linkage
from cloud.src.topics.grid import on_coarse_grid
print(average_linkage(on_coarse_grid(clouds(5, n=3000, noise=0.2)), 0.7).tolist())
"""


@pytest.mark.parametrize(
    ("script", "threads"),
    [
        pytest.param(PRINT_TOPICS, (1, 2), id="topics"),
        pytest.param(PRINT_THEMES, (1, 2, 5), id="themes of condensed topics"),
        pytest.param(PRINT_LINKAGE, (1, 2, 5), id="average linkage"),
    ],
)
def test_the_number_of_threads_makes_no_difference(script: str, threads: tuple[int, ...]) -> None:
    [printed] = printed_with(script, *threads)

    assert "," in printed


def printed_with(script: str, *threads: int) -> set[str]:
    """What the script prints in a process of its own with each number of threads, once where it is the same."""
    return {_printed(script, number) for number in threads}


def _printed(script: str, threads: int) -> str:
    number = {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    environment = {**os.environ, **number, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
