"""Two runs of one quarter side by side: which topics, families and themes are the same, what each run calls them, and
how well the names of topics fit.

Topics do not depend on their names, so two runs that differ in model or prompt have the same topics. Two versions of
the code may not; a firm's topics are then paired by their centroids.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from cloud.src.cli.compare.groups import GroupPair, RunGroups, match_groups, read_groups
from cloud.src.cli.run import run_folder
from cloud.src.contract import keys, schemas
from cloud.src.contract.errors import InvalidInput
from cloud.src.contract.record import read_record

Vectors = NDArray[np.float32]
Embed = Callable[[list[str]], Vectors]

# Topics of different runs are the same if the cosine of their centroids is at least this. Among 4,994 topics of 149
# real firms, no two of one firm came closer than 0.86, so a topic is never mistaken for its neighbour.
SAME_TOPIC_COSINE = 0.9

SAME_SENTENCES = "same sentences"
SIMILAR_CENTROID = "similar centroid"

_TOPIC_COLUMNS = (
    "topic_id firm_id firm_name summary naming_method keywords n_sentences representative_sentence_ids embedding"
)


@dataclass(frozen=True)
class ComparedTopic:
    """A firm's topic under the name that one run gave it. ``sentence_ids``: the representative ones, best first."""

    topic_id: str
    firm_id: str
    firm_name: str
    name: str
    naming_method: str
    keywords: list[str]
    n_sentences: int
    sentence_ids: list[str]

    @property
    def title(self) -> str:
        """What a judge may know of it beside its sentences."""
        return self.firm_name


@dataclass(frozen=True)
class Run:
    """One run of the quarter. ``embeddings``: unit vectors of the topics, shape (topics, dimensions).

    ``named_by``: the models and prompts that named the topics, in words.
    """

    folder: Path
    topics: list[ComparedTopic]
    embeddings: Vectors
    groups: RunGroups
    named_by: str

    def naming_of(self, level: str) -> Counter[str]:
        """How many of its families or themes got their name in which way."""
        return Counter(group.naming_method for group in self.groups.rows if group.level == level)

    @property
    def groups_named_by(self) -> str:
        """The models that named the families and themes, in words."""
        return " and ".join(sorted({group.named_by for group in self.groups.rows})) or "nothing: there are none"


@dataclass(frozen=True)
class Pair:
    """A topic in both runs; ``grounding_a`` is the cosine of run A's name to the topic's centroid."""

    a: ComparedTopic
    b: ComparedTopic
    matched_by: str
    grounding_a: float
    grounding_b: float

    kind = "topic"

    @property
    def same_name(self) -> bool:
        """Whether both runs give it the same name, ignoring case."""
        return self.a.name.casefold() == self.b.name.casefold()


@dataclass(frozen=True)
class Comparison:
    """Two runs and what both have: topics, ordered by firm, and ``groups``: families and themes, by A's rank."""

    quarter: str
    a: Run
    b: Run
    pairs: list[Pair]
    groups: list[GroupPair]


def read_runs(folder_a: Path, folder_b: Path, quarter: str | None) -> tuple[str, Run, Run]:
    """Read two runs of one quarter: ``quarter``, or, if it is None, the one that the folders share.

    Raises InvalidInput if a folder holds no run, a table is damaged, the folders share no quarter or several, or the
    runs used different embedding models.
    """
    quarter = _common_quarter(folder_a, folder_b, quarter)
    a, b = read_run(folder_a, quarter), read_run(folder_b, quarter)
    if a.embeddings.shape[1] != b.embeddings.shape[1]:
        raise InvalidInput(
            f"{folder_a} and {folder_b} were made with different embedding models "
            f"({a.embeddings.shape[1]} and {b.embeddings.shape[1]} dimensions): their topics cannot be compared"
        )
    return quarter, a, b


def compare_runs(quarter: str, a: Run, b: Run, embed: Embed) -> Comparison:
    """Pair the topics of two runs and score their names.

    ``embed`` returns unit vectors of the model that the runs were made with. Raises InvalidInput if it is another
    model, or if the runs have no topic in common.
    """
    rows = match(a, b)
    if not rows:
        raise InvalidInput(
            f"{a.folder} and {b.folder} have no topic in common: they were not made from the same transcripts"
        )
    grounding_a = _grounding(a, [row for row, _, _ in rows], embed)
    grounding_b = _grounding(b, [row for _, row, _ in rows], embed)
    pairs = [
        Pair(a.topics[row_a], b.topics[row_b], matched_by, float(cosine_a), float(cosine_b))
        for (row_a, row_b, matched_by), cosine_a, cosine_b in zip(rows, grounding_a, grounding_b, strict=True)
    ]
    return Comparison(quarter, a, b, pairs, match_groups(a.groups, b.groups))


def read_run(folder: Path, quarter: str) -> Run:
    """Read the topics, families and themes of a run; raise InvalidInput if a table is missing, damaged or empty."""
    topics = run_folder.read_table(folder, quarter, "topics", run_folder.columns(schemas.TOPIC, _TOPIC_COLUMNS))
    if topics.num_rows == 0:
        raise InvalidInput(f"{folder / keys.topics(quarter)} has no topics")
    topics = topics.sort_by([("firm_id", "ascending"), ("topic_id", "ascending")])
    path = folder / keys.topics(quarter)
    embeddings = run_folder.embeddings(topics, path)
    return Run(
        folder,
        [_topic(row) for row in topics.drop_columns(["embedding"]).to_pylist()],
        embeddings,
        read_groups(folder, quarter, embeddings.shape[1]),
        _named_by(path),
    )


def match(a: Run, b: Run) -> list[tuple[int, int, str]]:
    """Pair the topics of two runs: row in A, row in B, and how they were matched.

    First those with the same id and the same representative sentences. Then, firm by firm, the others: the assignment
    with the largest sum of cosines, without pairs too far apart to be one topic.
    """
    rows_of_b = {topic.topic_id: row for row, topic in enumerate(b.topics)}
    same = {
        row: rows_of_b[topic.topic_id]
        for row, topic in enumerate(a.topics)
        if topic.topic_id in rows_of_b and _same_sentences(topic, b.topics[rows_of_b[topic.topic_id]])
    }
    others_of_a, others_of_b = _rows_by_firm(a, set(same)), _rows_by_firm(b, set(same.values()))
    pairs = [(row_a, row_b, SAME_SENTENCES) for row_a, row_b in same.items()]
    for firm_id, rows_a in others_of_a.items():
        rows_b = others_of_b.get(firm_id, [])
        cosines = a.embeddings[rows_a] @ b.embeddings[rows_b].T
        for i, j in zip(*linear_sum_assignment(cosines, maximize=True), strict=True):
            if cosines[i, j] >= SAME_TOPIC_COSINE:
                pairs.append((rows_a[i], rows_b[j], SIMILAR_CENTROID))
    return sorted(pairs)


def _common_quarter(folder_a: Path, folder_b: Path, quarter: str | None) -> str:
    found_a, found_b = run_folder.quarters_in(folder_a), run_folder.quarters_in(folder_b)
    common = [each for each in found_a if each in found_b]
    both = f"{folder_a} has {', '.join(found_a)}, {folder_b} has {', '.join(found_b)}"
    if quarter is not None and keys.check_quarter(quarter) not in common:
        raise InvalidInput(f"{quarter} is not in both folders: {both}")
    if not common:
        raise InvalidInput(f"two runs of one quarter can be compared: {both}")
    if quarter is None and len(common) > 1:
        raise InvalidInput(f"both folders have {', '.join(common)}: say which one with --quarter")
    return quarter or common[0]


def _topic(row: dict[str, Any]) -> ComparedTopic:
    return ComparedTopic(
        topic_id=row["topic_id"],
        firm_id=row["firm_id"],
        firm_name=row["firm_name"],
        name=row["summary"],
        naming_method=row["naming_method"],
        keywords=row["keywords"],
        n_sentences=row["n_sentences"],
        sentence_ids=row["representative_sentence_ids"],
    )


def _named_by(path: Path) -> str:
    makers = read_record(pq.read_schema(path).empty_table())["names_by"]
    if not makers:
        return "not recorded"  # by the first version
    return " and ".join(f"{m['llm_model']}, prompt {m['prompt']}" if m.get("llm_model") else "keywords" for m in makers)


def _same_sentences(one: ComparedTopic, other: ComparedTopic) -> bool:
    return set(one.sentence_ids) == set(other.sentence_ids)


def _rows_by_firm(run: Run, without: set[int]) -> dict[str, list[int]]:
    rows = defaultdict(list)
    for row, topic in enumerate(run.topics):
        if row not in without:
            rows[topic.firm_id].append(row)
    return dict(rows)


def _grounding(run: Run, rows: list[int], embed: Embed) -> Vectors:
    """The cosine of each name to its topic's centroid, shape (rows,)."""
    names = list(dict.fromkeys(run.topics[row].name for row in rows))  # firms may have topics of the same name
    vectors = embed(names)
    if vectors.shape[1] != run.embeddings.shape[1]:
        raise InvalidInput(
            f"the embedding model has {vectors.shape[1]} dimensions and the topics of {run.folder} have "
            f"{run.embeddings.shape[1]}: set EMBEDDING_MODEL to the model of the run"
        )
    number = {name: place for place, name in enumerate(names)}
    own = vectors[[number[run.topics[row].name] for row in rows]]
    cosines: Vectors = np.sum(own * run.embeddings[rows], axis=1)
    return cosines
