"""What every call says is known from what only some do, by the real embedding model."""

from __future__ import annotations

import pytest

from cloud.src.models.embeddings import unit
from cloud.src.themes.rank import MAX_SIMILARITY_TO_ANY_CALL, sentences_of_any_call, similarities_to_any_call
from tests.component.worker_quarter import embedder


@pytest.mark.parametrize(
    ("sentences", "general"),
    [
        (["Organic sales grew three percent.", "Revenue was 400 million dollars, up two percent."], True),
        (["Our gross margin was 41 percent, up from 39.", "Operating margin widened to 12 percent."], True),
        (["We feel good about our strategy and where we are going.", "We have a great opportunity ahead."], True),
        (["Most of our stores closed in March because of the coronavirus.", "Covid-19 hit every market."], False),
        (["Tariffs on Chinese parts cost us nine million dollars.", "We moved sourcing to Vietnam."], False),
        (["Ocean freight is late and ports are congested.", "Our suppliers ration chips."], False),
    ],
)
def test_common_sentences_are_told_from_those_of_few_calls(sentences: list[str], general: bool) -> None:
    mean = embedder().embed(sentences).mean(axis=0, keepdims=True)

    [similarity] = similarities_to_any_call(unit(mean), sentences_of_any_call(embedder()))

    assert (similarity >= MAX_SIMILARITY_TO_ANY_CALL) == general
