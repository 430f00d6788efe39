"""A quarter whose themes are known: firms that say the same few things, in words and vectors of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud.src.themes.measure import Sentences
from cloud.src.themes.phrases import repeated_phrases
from cloud.src.themes.refine import NO_THEME

DIMENSIONS = 64
SUBJECTS = ("supply chain", "share repurchase", "labor shortage", "tax rate", "cloud migration", "drug trial")
FIRMS = 24
SENTENCES_PER_SUBJECT = 3
CHATTER = 6  # sentences of a call that are about nothing that others say


def planted(seed: int = 0) -> tuple[Sentences, NDArray[np.int64]]:
    """The sentences of FIRMS calls, and the subject of each, NO_THEME for chatter.

    Only two of three sentences of a subject are seeded, so that refining has something to find.
    """
    random = np.random.default_rng(seed)
    centres = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))[0]
    vectors, firms, texts, subjects, seeds = [], [], [], [], []
    for firm in range(FIRMS):
        for subject, words in enumerate(SUBJECTS):
            for number in range(SENTENCES_PER_SUBJECT):
                vectors.append(centres[subject] + random.normal(size=DIMENSIONS) * 0.07)
                texts.append(f"It is the {words} that we have in plant{firm} and in region{number}")
                subjects.append(subject)
                seeds.append(subject if number else NO_THEME)
                firms.append(firm)
        for number in range(CHATTER):
            vectors.append(random.normal(size=DIMENSIONS))
            texts.append(f"Nobody else mentions gadget{firm} or widget{firm}x{number}")
            subjects.append(NO_THEME)
            seeds.append(NO_THEME)
            firms.append(firm)
    unit = np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    as_bytes = np.clip(np.rint(unit * 127), -127, 127).astype(np.int8)
    numbers = np.array(firms, dtype=np.int64)
    nothing = np.zeros(len(texts), dtype=bool)
    return Sentences(as_bytes, numbers, numbers, texts, repeated_phrases(texts), np.array(seeds), nothing), np.array(
        subjects
    )


def rows_of(sentences: Sentences, rows: NDArray[np.int64]) -> Sentences:
    """Some of the sentences, with firms and calls numbered again in the order in which they come."""
    order = {firm: number for number, firm in enumerate(dict.fromkeys(sentences.firms[rows]))}
    numbers = np.array([order[firm] for firm in sentences.firms[rows]], dtype=np.int64)
    texts = [sentences.texts[row] for row in rows]
    is_procedural, phrases = sentences.is_procedural[rows], repeated_phrases(texts)
    return Sentences(sentences.vectors[rows], numbers, numbers, texts, phrases, sentences.seeds[rows], is_procedural)
