"""Blind judging of names: a page that shows two names of a topic, theme or family without saying whose they are, and
the count of the choices.

Three files: the page for the judge, the key that says which run is on which side, and the choices that the judge saves
from the page. Page and choices carry the id of the comparison, so that they are never counted with another key.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import binomtest

from cloud.src.cli.compare.groups import GroupPair
from cloud.src.cli.compare.runs import Comparison, Pair
from cloud.src.cli.pages import page
from cloud.src.cli.report.index import compared_page, write_index
from cloud.src.cli.run import run_folder
from cloud.src.contract import schemas
from cloud.src.contract.errors import InvalidInput

PAGE, KEY, CHOICES = "judge.html", "key.json", "choices.json"
KINDS = ("family", "theme", "topic")

Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True)
class Question:
    """One topic, theme or family for the judge. ``left_is``: the run whose name is on the left, ``a`` or ``b``."""

    pair: Pair | GroupPair
    left_is: Literal["a", "b"]

    @property
    def left(self) -> str:
        """The name shown on the left."""
        return self.pair.a.name if self.left_is == "a" else self.pair.b.name

    @property
    def right(self) -> str:
        """The name shown on the right."""
        return self.pair.b.name if self.left_is == "a" else self.pair.a.name


class Key(BaseModel):
    """Which run is on the left of each question. Kept from the judge. ``kinds``: ``topic``, ``theme`` or ``family``."""

    model_config = ConfigDict(extra="forbid")
    comparison: str
    quarter: str
    seed: int
    run_a: str
    run_b: str
    left_is: list[Literal["a", "b"]]
    kinds: list[str] = []  # of a key without them all are topics


class Choices(BaseModel):
    """What the judge chose, by question from 1: the better side, both equally good, or neither any good."""

    model_config = ConfigDict(extra="forbid")
    comparison: str
    choices: dict[int, Literal["left", "right", "same", "neither"]]


@dataclass(frozen=True)
class JudgedNames:
    """How often each run's name was chosen. ``decided``: the same for A and B, by kind, families first."""

    key: Key
    a_better: int
    b_better: int
    same: int
    neither: int
    not_judged: int
    decided: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def p_value(self) -> float:
        """P value of the two-sided sign test: how often a difference this large arises if both runs are as good."""
        decided = self.a_better + self.b_better
        return float(binomtest(self.a_better, decided).pvalue) if decided else 1.0


def draw_questions(comparison: Comparison, sample: int, seed: int) -> list[Question]:
    """Draw at most ``sample`` names that differ; each run is on the left in half of them.

    Half are of families and themes, the other half of topics; where one kind has too few, there are more of the other.
    """
    topics = [pair for pair in comparison.pairs if not pair.same_name]
    groups = [pair for pair in comparison.groups if not pair.same_name]
    n_groups = min(len(groups), max(sample // 2, sample - len(topics)))
    n_topics = min(len(topics), sample - n_groups)
    generator = random.Random(seed)
    drawn: list[Pair | GroupPair] = [*generator.sample(groups, n_groups), *generator.sample(topics, n_topics)]
    sides: list[Literal["a", "b"]] = ["a" if number % 2 else "b" for number in range(len(drawn))]
    generator.shuffle(sides)
    return [Question(pair, side) for pair, side in zip(drawn, sides, strict=True)]


def write_judging(comparison: Comparison, questions: list[Question], seed: int, folder: Path) -> Path:
    """Write page and key into ``folder`` and return the page's path; raise FtmError if they cannot be written."""
    key = Key(
        comparison=_comparison_id(questions),
        quarter=comparison.quarter,
        seed=seed,
        run_a=str(comparison.a.folder),
        run_b=str(comparison.b.folder),
        left_is=[question.left_is for question in questions],
        kinds=[question.pair.kind for question in questions],
    )
    page.write(folder / KEY, key.model_dump_json(indent=1))
    page.write(folder / PAGE, _render(comparison, questions, index=None))
    return folder / PAGE


def add_to_reports(comparison: Comparison, questions: list[Question], run: Path) -> None:
    """Put the page beside the reports of one of the runs and into their list; raise FtmError if that cannot be written.

    There it leads back to the list, which shows names of that run, but not before all are judged.
    """
    name = compared_page(comparison.quarter, comparison.a.folder, comparison.b.folder, _comparison_id(questions))
    page.write(run / "reports" / name, _render(comparison, questions, index="index.html"))
    write_index(run)


def count(choices_file: Path, key_file: Path) -> JudgedNames:
    """Count a judge's choices; raise InvalidInput if a file is missing or malformed, or they do not belong together."""
    choices, key = _read(choices_file, Choices), _read(key_file, Key)
    if choices.comparison != key.comparison:
        raise InvalidInput(f"{choices_file} belongs to another comparison than {key_file}: give its folder with --out")
    unknown = [number for number in choices.choices if not 1 <= number <= len(key.left_is)]
    if unknown:
        raise InvalidInput(f"{choices_file} has a choice for question {unknown[0]}, and there are {len(key.left_is)}")
    whose = {number: _whose(choice, key.left_is[number - 1]) for number, choice in choices.choices.items()}
    counted = Counter(whose.values())
    kinds = key.kinds if len(key.kinds) == len(key.left_is) else ["topic"] * len(key.left_is)
    by_kind = Counter((kinds[number - 1], winner) for number, winner in whose.items())
    return JudgedNames(
        key,
        counted["a"],
        counted["b"],
        counted["same"],
        counted["neither"],
        not_judged=len(key.left_is) - len(choices.choices),
        decided={kind: (by_kind[kind, "a"], by_kind[kind, "b"]) for kind in KINDS if kind in kinds},
    )


def _whose(choice: str, left_is: str) -> str:
    """``a`` or ``b`` for a side, and otherwise the choice itself."""
    if choice == "left":
        return left_is
    if choice == "right":
        return "b" if left_is == "a" else "a"
    return choice


def _render(comparison: Comparison, questions: list[Question], index: str | None) -> str:
    texts = _sentences(comparison, questions)
    return page.render(
        Path(__file__).parent,
        "compare",
        quarter=comparison.quarter,
        comparison_id=_comparison_id(questions),
        index=index,
        choices_file=CHOICES,
        questions=[
            {
                "title": question.pair.a.title,
                "n_sentences": question.pair.a.n_sentences,
                "keywords": question.pair.a.keywords,
                "sentences": [texts[number] for number in question.pair.a.sentence_ids if number in texts],
                "left": question.left,
                "right": question.right,
            }
            for question in questions
        ],
    )


def _sentences(comparison: Comparison, questions: list[Question]) -> dict[str, str]:
    """The sentences that stand for what is asked about, by their ids."""
    wanted = [number for question in questions for number in question.pair.a.sentence_ids]
    columns = run_folder.columns(schemas.SENTENCE_TOPIC, "sentence_id raw_text")
    sentences = run_folder.read_table(comparison.a.folder, comparison.quarter, "sentences", columns)
    found = sentences.filter(pc.is_in(sentences.column("sentence_id"), pa.array(wanted, pa.string())))
    return {row["sentence_id"]: row["raw_text"] for row in found.to_pylist()}


def _comparison_id(questions: list[Question]) -> str:
    shown = [[question.pair.a.sentence_ids, question.left, question.right] for question in questions]
    return sha256(json.dumps(shown).encode()).hexdigest()[:16]


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InvalidInput(f"{path} is not what `ftm compare` or its page writes ({reason})") from error
