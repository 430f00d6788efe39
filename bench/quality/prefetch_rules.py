"""What do the prefetch's patterns take that the map job's filters would not?

    PYTHONPATH=. python bench/quality/prefetch_rules.py TRANSCRIPTS 2020Q2 [--firms 149] [--to-read FILE]

TRANSCRIPTS is a file or folder as for ``ftm run``. The map job leaves out a sentence of fewer than two content words,
and one that is near to an example of procedure. ``--to-read FILE`` gets the sentences that only the patterns take: text
of transcripts, never for the repository.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from cloud.src.models import packaged_models
from cloud.src.models.embeddings import Embedder
from cloud.src.prefetch.calls import Call
from cloud.src.prefetch.files.source import FileTranscripts
from cloud.src.prefetch.sentences.cleaning import clean
from cloud.src.prefetch.sentences.procedure import is_procedure
from cloud.src.prefetch.sentences.sentences import split_sentences
from cloud.src.prefetch.sentences.speakers import speaker_type
from cloud.src.topics.keywords import n_content_words
from cloud.src.topics.procedural import MIN_SIMILARITY, NEARLY, ProceduralFilter
from cloud.src.worker.firm_topics import MIN_CONTENT_WORDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("quarter")
    parser.add_argument("--firms", type=int, default=149)
    parser.add_argument("--to-read", type=Path)
    options = parser.parse_args()
    firms = list(FileTranscripts(options.transcripts, options.quarter).firms())[: options.firms]
    said = [(text, speaker_words(calls)) for calls in firms for text in sentences(calls)]
    taken = [(text, speakers) for text, speakers in said if is_procedure(text)]
    with_content = [text for text, speakers in taken if n_content_words(text, speakers) >= MIN_CONTENT_WORDS]
    embedder = Embedder(packaged_models.EMBEDDING)
    similarities = ProceduralFilter(embedder).similarities(embedder.embed(with_content))
    only_taken_here = [
        (similarity, text)
        for similarity, text in zip(similarities, with_content, strict=True)
        if similarity < MIN_SIMILARITY
    ]
    nearly = sum(similarity >= NEARLY for similarity, _ in only_taken_here)
    print(f"{len(firms)} firms, {len(said):,} sentences that are not the operator's")
    print(f"the patterns take {len(taken):,}; {len(only_taken_here):,} of these the map job would keep, and")
    print(f"{nearly:,} of those are near enough to procedure to count against a topic that is made of such sentences")
    if options.to_read:
        lines = [f"{similarity:.2f}\t{text}" for similarity, text in sorted(only_taken_here)]
        options.to_read.write_text("\n".join(lines) + "\n", encoding="utf-8")


def sentences(calls: list[Call]) -> Iterator[str]:
    """Yield the firm's sentences as the models read them, those of the operator excepted."""
    for call in calls:
        for turn in call.turns:
            if speaker_type(turn.speaker_type, turn.role, turn.speaker) != "Operator":
                yield from filter(None, map(clean, split_sentences(turn.text)))


def speaker_words(calls: list[Call]) -> frozenset[str]:
    """Return the words of the speakers' names."""
    names = {turn.speaker for call in calls for turn in call.turns if turn.speaker}
    return frozenset(word for name in names for word in re.findall(r"[a-z][a-z'-]+", name.lower()))


if __name__ == "__main__":
    main()
