"""What themes are fitted to where there is much: a sample of sentences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cloud.src.contract import schemas
from cloud.src.models import byte_vectors
from cloud.src.worker.quarter_sentences import MAX_SAMPLE, SpokenSentences, chosen_by_hash, share_to_fit

N = 1_000


def sentences(first: int, end: int) -> pa.Table:
    """Sentences that say something but for each tenth, as map leaves them."""
    numbers = range(first, end)
    rows = [
        {
            "sentence_id": f"apple_1_{number:04d}",
            "firm_id": "apple",
            "call_id": "apple_1",
            "local_topic_id": -1,
            "cleaned_text": f"This is sentence {number}",
            "says": number % 10 != 0,
            "vector": byte_vectors.to_bytes(np.eye(1, 8, number % 8, dtype=np.float32)).tobytes(),
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(rows, schema=schemas.SENTENCE_VECTOR)


def test_a_sample_of_sentences_is_chosen_by_sentence_id_alone() -> None:
    spoken = SpokenSentences(["apple"], schemas.TOPIC.empty_table())
    whole, half = spoken.of(sentences(0, N)), spoken.of(sentences(0, N), 0.5)
    in_parts = [spoken.of(sentences(start, start + 100), 0.5) for start in range(0, N, 100)]

    assert len(whole.texts) == 0.9 * N
    assert 0.4 * len(whole.texts) < len(half.texts) < 0.6 * len(whole.texts)
    assert [each for part in in_parts for each in part.sentence_ids] == half.sentence_ids
    place = [whole.sentence_ids.index(each) for each in half.sentence_ids]
    assert half.texts == [whole.texts[row] for row in place]
    np.testing.assert_array_equal(half.rows, whole.rows[place])
    np.testing.assert_array_equal(half.vectors, whole.vectors[place])


def test_all_sentences_are_fitted_to_unless_they_are_many() -> None:
    assert share_to_fit(0) == share_to_fit(MAX_SAMPLE) == 1
    assert share_to_fit(4 * MAX_SAMPLE) == 0.25
    assert chosen_by_hash(["apple", "pear"], 1).all()
