"""Why sentences count for a theme or a family, and why others do not: read from the tables of an output folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cloud.src.cli.explain.find import Row
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.run_folder import FAMILY
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.models import byte_vectors
from cloud.src.models.byte_vectors import ByteVectors
from cloud.src.themes.count import NEAR
from cloud.src.themes.phrases import of_sentence
from cloud.src.themes.sentence_grid import centred, mean_of
from cloud.src.topics.grid import COARSE_STEPS

_GROUP = (
    "theme_id name description n_topics n_firms n_sentences level family_id share_of_firms general stability"
    " dictionary centroid named_by"
)
_SENTENCE = (
    "sentence_id firm_id firm_name earnings_call_date speaker_name speaker_type raw_text cleaned_text says"
    " local_topic_id"
)


@dataclass(frozen=True)
class Said:
    """A sentence. ``nearness``: its cosine to the theme, None where it says nothing or its vector is gone.

    ``phrase``: of the dictionary, that it has.
    """

    sentence_id: str
    firm_id: str
    firm_name: str
    call_date: date
    speaker: str
    text: str
    says: bool
    nearness: float | None
    phrase: str | None


@dataclass(frozen=True)
class Explanation:
    """``near`` and ``by_phrase`` are the sentences that count, the nearest first.

    group: row of the theme or family; ``family`` is that of a theme, and ``themes`` those of a family.
    by_phrase: they count for nothing but a phrase of the dictionary.
    left_out: sentences of its topics that do not count, the nearest first.
    """

    quarter: str
    group: Row
    family: Row | None
    themes: list[Row]
    near: list[Said]
    by_phrase: list[Said]
    left_out: list[Said]

    def shown(self, n: int, one_per_firm: bool) -> dict[str, tuple[int, list[Said]]]:
        """Of each kind, how many there are and at most ``n`` to show.

        ``one_per_firm``: of those that are near the nearest of each firm.
        """
        near = _one_per_firm(self.near) if one_per_firm else self.near
        return {
            "near": (len(self.near), near[:n]),
            # Last what is least sure: a reader who doubts a phrase looks there.
            "by_phrase": (len(self.by_phrase), self.by_phrase[::-1][:n]),
            "left_out": (len(self.left_out), self.left_out[:n]),
        }


def read_groups(folder: Path, quarter: str) -> list[Row]:
    """All families and themes of the quarter; raise InvalidInput when their table is missing or damaged."""
    return run_folder.read_table(folder, quarter, "themes", run_folder.columns(schemas.THEME, _GROUP)).to_pylist()


def explain_group(folder: Path, quarter: str, groups: list[Row], group: Row, firm_id: str | None) -> Explanation:
    """Explain one of the groups, for all firms or for one; raise InvalidInput when a table is missing or damaged."""
    themes = [each for each in groups if each["family_id"] == group["theme_id"]]
    family = next((each for each in groups if each["theme_id"] == group["family_id"]), None)
    theme_ids = [each["theme_id"] for each in themes] or [group["theme_id"]]
    counted = _evidence(folder, quarter, [group["theme_id"]])
    # A sentence of a family's themes counts for the family whatever phrase it has.
    of_themes = set(_evidence(folder, quarter, theme_ids)) if group["level"] == FAMILY else set()
    sentences = _sentences(folder, quarter, set(counted), _topic_ids(folder, quarter, theme_ids), firm_id)
    left_out = [row for row in sentences if row["sentence_id"] not in counted]
    cosines = cosines_to(folder, quarter, [row["sentence_id"] for row in left_out], group["centroid"])
    phrases = {phrase["phrase"] for phrase in group["dictionary"]}

    near: list[Said] = []
    by_phrase: list[Said] = []
    for row in sentences:
        if found := counted.get(row["sentence_id"]):
            is_near = row["sentence_id"] in of_themes if group["level"] == FAMILY else found[0] >= NEAR
            (near if is_near or found[1] is None else by_phrase).append(_said(row, *found))
    not_counted = [
        _said(row, cosines.get(row["sentence_id"]), min(phrases & set(of_sentence(row["cleaned_text"])), default=None))
        for row in left_out
    ]
    return Explanation(quarter, group, family, themes, *map(_nearest_first, (near, by_phrase, not_counted)))


def exposures_of(folder: Path, quarter: str, theme_id: str, firm_id: str) -> list[Row]:
    """The firm's calls with the columns of EXPOSURE, by date; counts and exposure are 0 where nothing counts."""
    names = "call_id exposure exposure_prepared exposure_qa exposure_management exposure_analysts n_sentences"
    calls = run_folder.columns(schemas.CALL, "call_id firm_id earnings_call_date n_sentences_said")
    exposures = run_folder.columns(schemas.EXPOSURE, f"{names} theme_id")
    exposed = run_folder.read_table(folder, quarter, "exposures", exposures)
    exposed = exposed.filter(pc.equal(exposed.column("theme_id"), pa.scalar(theme_id)))
    of_theme = {row["call_id"]: row for row in exposed.to_pylist()}
    of_firm = run_folder.read_table(folder, quarter, "calls", calls)
    of_firm = of_firm.filter(pc.equal(of_firm.column("firm_id"), pa.scalar(firm_id)))
    nothing = {"n_sentences": 0, "exposure": 0.0}
    rows = [call | of_theme.get(call["call_id"], nothing) for call in of_firm.to_pylist()]
    return sorted(rows, key=lambda row: (row["earnings_call_date"], row["call_id"]))


def cosines_to(folder: Path, quarter: str, sentence_ids: list[str], centroid: list[float]) -> dict[str, float]:
    """The cosine of each sentence that has a vector to a centroid, with the mean of the quarter taken off.

    As reduce counts them; but for a quarter so large that it takes the mean of a sample, they may differ by some 0.001.
    Empty when the folder no longer has the work files with the vectors. Raises InvalidInput when these are of a later
    run with another embedding model.
    """
    published = list((folder / keys.sentences_prefix(quarter)).glob("*.parquet"))
    paths = sorted((folder / keys.sentences_parts_prefix(quarter)).glob("*.parquet"))
    if not sentence_ids or len(paths) != len(published):  # gone, or a later run has begun to map
        return {}
    wanted = pa.array(sentence_ids)
    ids: list[Any] = []
    vectors: list[ByteVectors] = []

    def parts() -> Iterator[ByteVectors]:
        schema = run_folder.columns(schemas.SENTENCE_VECTOR, "sentence_id vector")
        for path in paths:
            part = run_folder.read_file(path, schema)
            part = part.filter(part.column("vector").is_valid())
            if part.num_rows:
                found = pc.is_in(part.column("sentence_id"), value_set=wanted)
                of_part = byte_vectors.from_column(part.column("vector"))
                if of_part.shape[1] != len(centroid):
                    raise InvalidInput(
                        f"{path} comes from another embedding model than the tables: run the quarter again"
                    )
                ids.extend(part.column("sentence_id").filter(found).to_pylist())
                vectors.append(of_part[np.asarray(found)])
                yield of_part

    mean = mean_of(parts())
    products = centred(np.concatenate(vectors), mean) @ np.rint(np.array(centroid) * COARSE_STEPS)
    return dict(zip(ids, np.round(products / COARSE_STEPS**2, 4).tolist(), strict=True))


def _evidence(folder: Path, quarter: str, theme_ids: list[str]) -> dict[str, tuple[float, str | None]]:
    """Of each sentence that counts for one of the themes: cosine and phrase."""
    schema = run_folder.columns(schemas.EVIDENCE, "sentence_id theme_id similarity phrase")
    counted: dict[str, tuple[float, str | None]] = {}
    for part in run_folder.read_parts(folder, quarter, "evidence", schema):
        own = part.filter(pc.is_in(part.column("theme_id"), value_set=pa.array(theme_ids)))
        counted |= {row["sentence_id"]: (row["similarity"], row["phrase"]) for row in own.to_pylist()}
    return counted


def _topic_ids(folder: Path, quarter: str, theme_ids: list[str]) -> list[Any]:
    topics = run_folder.read_table(folder, quarter, "topics", run_folder.columns(schemas.TOPIC, "topic_id theme_id"))
    return topics.filter(pc.is_in(topics.column("theme_id"), value_set=pa.array(theme_ids)))["topic_id"].to_pylist()


def _sentences(
    folder: Path, quarter: str, sentence_ids: set[str], topic_ids: list[str], firm_id: str | None
) -> list[Row]:
    """The sentences with these ids and those of these topics."""
    rows: list[Row] = []
    ids, topics = pa.array(sorted(sentence_ids), pa.string()), pa.array(topic_ids, pa.string())
    schema = run_folder.columns(schemas.SENTENCE_TOPIC, _SENTENCE)
    for part in run_folder.read_parts(folder, quarter, "sentences", schema):
        pieces: list[Any] = [part["firm_id"], part["local_topic_id"].cast(pa.string()), "_"]
        topic_id = pc.binary_join_element_wise(*pieces)
        wanted = pc.or_(pc.is_in(part["sentence_id"], value_set=ids), pc.is_in(topic_id, value_set=topics))
        if firm_id is not None:
            wanted = pc.and_(wanted, pc.equal(part["firm_id"], pa.scalar(firm_id)))
        rows += part.filter(wanted).to_pylist()
    return rows


def _said(row: Row, nearness: float | None, phrase: str | None) -> Said:
    speaker = " · ".join(filter(None, [row["speaker_name"], row["speaker_type"]]))
    about = (row["sentence_id"], row["firm_id"], row["firm_name"], row["earnings_call_date"], speaker)
    return Said(*about, row["raw_text"], row["says"], nearness, phrase)


def _one_per_firm(nearest_first: list[Said]) -> list[Said]:
    firsts: dict[str, Said] = {}
    for said in nearest_first:
        firsts.setdefault(said.firm_id, said)
    return list(firsts.values())


def _nearest_first(sentences: list[Said]) -> list[Said]:
    return sorted(sentences, key=lambda said: (-2.0 if said.nearness is None else -said.nearness, said.sentence_id))
