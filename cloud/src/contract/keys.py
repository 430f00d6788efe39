"""S3 keys and names that every part of FTM shares, and checks of the inputs they are built from.

Standard library only: the Lambda functions use this module too.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cloud.src.contract.errors import InvalidInput

MAX_BATCH_SIZE = 5000
DEFAULT_BATCH_SIZE = 50  # firms; the default of the state machine's input
MAX_BATCHES = 1000  # of one execution, see docs/adr/adr_003_inline_map.md

_QUARTER = re.compile(r"[0-9]{4}Q[1-4]")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PANEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_IP_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")


def check_event(event: object) -> dict[str, Any]:
    """Return a Lambda function's input; raise InvalidInput when it is not a JSON object."""
    if not isinstance(event, dict):
        raise InvalidInput(f"input {event!r:.200} is not a JSON object with quarter and bucket")
    return event


def check_fields(event: Mapping[str, object], known: Sequence[str]) -> None:
    """Raise InvalidInput for a field that is not known, naming the one that may be meant."""
    for field in event:
        if field not in known:
            near = difflib.get_close_matches(field.lower(), known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
            raise InvalidInput(f"the input has an unknown field {field!r:.60}: {meant}")


def check_quarter(quarter: object) -> str:
    """Return the quarter, for example ``2023Q1``; raise InvalidInput when it is not one."""
    if quarter is None:
        raise InvalidInput("the input has no quarter: write it like 2023Q1")
    if not isinstance(quarter, str) or not _QUARTER.fullmatch(quarter):
        raise InvalidInput(f"quarter {quarter!r} is not a quarter: write it like 2023Q1")
    return quarter


def check_bucket(bucket: object) -> str:
    """Return the bucket name; raise InvalidInput when S3 would not accept it."""
    if bucket is None:
        raise InvalidInput("the input has no bucket")
    if not isinstance(bucket, str) or not _BUCKET.fullmatch(bucket) or ".." in bucket or _IP_ADDRESS.fullmatch(bucket):
        raise InvalidInput(f"bucket {bucket!r} is not a valid S3 bucket name")
    return bucket


def check_batch_size(batch_size: object) -> int:
    """Return the number of firms per batch; raise InvalidInput outside 1..5000."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or not 1 <= batch_size <= MAX_BATCH_SIZE:
        raise InvalidInput(f"batch_size {batch_size!r} is not a whole number from 1 to {MAX_BATCH_SIZE}")
    return batch_size


def check_batches_fit(n_firms: int, batch_size: int) -> None:
    """Raise InvalidInput when the firms make more batches than one execution can hold, naming a size that fits."""
    n_batches = math.ceil(n_firms / batch_size)
    if n_batches <= MAX_BATCHES:
        return
    too_many = f"batch_size {batch_size} makes {n_batches} batches of {n_firms} firms, at most {MAX_BATCHES} fit"
    batch_size_that_fits = math.ceil(n_firms / MAX_BATCHES)
    if batch_size_that_fits <= MAX_BATCH_SIZE:
        raise InvalidInput(f"{too_many}: use batch_size {batch_size_that_fits} or more")
    most_firms = MAX_BATCHES * MAX_BATCH_SIZE
    raise InvalidInput(f"{too_many}, and no batch_size up to {MAX_BATCH_SIZE} fits more than {most_firms} firms")


def folder_of(key: str) -> str:
    """Return the prefix up to and including the last slash, which a key shares with its neighbours."""
    return key[: key.rindex("/") + 1]


# --- prefetch ---------------------------------------------------------------------------------


def prefetch_prefix(quarter: str) -> str:
    """Where a quarter's prefetch is."""
    return f"prefetch/transcripts/quarter={quarter}/"


def prefetch_chunk(quarter: str, number: int) -> str:
    """One of the prefetch's files of sentences, numbered from 0."""
    return f"{prefetch_prefix(quarter)}chunk_{number:04d}.parquet"


def prefetch_manifest(quarter: str) -> str:
    """Which chunk each firm is in. It is written last, so its existence means that the prefetch is complete."""
    return f"{prefetch_prefix(quarter)}manifest.json"


def prefetch_checkpoint(quarter: str) -> str:
    """How far an unfinished prefetch has got."""
    return f"{prefetch_prefix(quarter)}_checkpoint.json"


def prefetch_lock(quarter: str) -> str:
    """Which process is prefetching the quarter right now."""
    return f"{prefetch_prefix(quarter)}_lock.json"


# --- batches ----------------------------------------------------------------------------------


def batch_id(quarter: str, number: int) -> str:
    """The name of a batch of firms, numbered from 0."""
    return f"{quarter}_batch_{number:04d}"


def batch_manifest(quarter: str, created_at: datetime) -> str:
    """Key of the JSONL manifest; ``created_at`` is in UTC."""
    return f"{batch_manifests_prefix(quarter)}manifest_{created_at:%Y%m%dT%H%M%S%fZ}.jsonl"


def batch_manifests_prefix(quarter: str) -> str:
    """Where the manifests of a quarter's executions are."""
    return f"manifests/{quarter}/"


def created_at(batch_manifest: str) -> datetime:
    """When a batch manifest was made, just before its execution's first job; raises InvalidInput for another key."""
    name = batch_manifest.removeprefix(folder_of(batch_manifest))
    try:
        return datetime.strptime(name, "manifest_%Y%m%dT%H%M%S%fZ.jsonl").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInput(f"{batch_manifest!r} is not the key of a batch manifest") from error


def running(quarter: str) -> str:
    """Which execution runs the quarter right now."""
    return f"{batch_manifests_prefix(quarter)}_running.json"


def progress(quarter: str, batch: str) -> str:
    """Which firms of a batch are done, skipped or failed."""
    return f"{progress_prefix(quarter)}{batch}.json"


def themes_progress(quarter: str) -> str:
    """How far the reduce job has got."""
    return f"{progress_prefix(quarter)}_themes.json"


def cost(quarter: str) -> str:
    """What the quarter's executions have cost."""
    return f"{progress_prefix(quarter)}_cost.json"


def progress_prefix(quarter: str) -> str:
    """Progress of batches; a file whose name begins with ``_`` is about the whole quarter."""
    return f"progress/{quarter}/"


def is_batch_progress(key: str) -> bool:
    """Whether a key under ``progress_prefix`` is that of a batch."""
    return not key.removeprefix(folder_of(key)).startswith("_")


# --- map --------------------------------------------------------------------------------------


def part_name(batch: str, number: int, firm_ids: Sequence[str]) -> str:
    """The name of a part of a batch, numbered from 0; it ends in a hash of its firms.

    So batches of another size leave the parts alone that they may take their firms from.
    """
    firms = hashlib.sha256(json.dumps(list(firm_ids)).encode()).hexdigest()
    return f"{batch}_part_{number:02d}_{firms[:8]}"


def part_of(key: str) -> str:
    """The name of the part that a key under one of the prefixes below is of."""
    return key.removeprefix(folder_of(key)).removesuffix(".parquet")


def topics_part(quarter: str, name: str) -> str:
    """Topics of up to 50 firms of a batch, as map leaves them for reduce."""
    return f"{topics_parts_prefix(quarter)}{name}.parquet"


def topics_parts_prefix(quarter: str) -> str:
    """Where map leaves a quarter's topics."""
    return f"intermediate/firm-topics/quarter={quarter}/"


def sentences_part(quarter: str, name: str) -> str:
    """Sentences of up to 50 firms of a batch, as map leaves them for reduce."""
    return f"{sentences_parts_prefix(quarter)}{name}.parquet"


def sentences_parts_prefix(quarter: str) -> str:
    """Where map leaves a quarter's sentences."""
    return f"intermediate/firm-sentences/quarter={quarter}/"


def llm_answers(quarter: str, name: str) -> str:
    """The LLM's answers for a part, so that a repeated map job does not ask again."""
    return f"{llm_answers_prefix(quarter)}{name}.json"


def llm_answers_for_themes(quarter: str) -> str:
    """The same for the reduce job."""
    return f"{llm_answers_prefix(quarter)}themes.json"


def llm_answers_prefix(quarter: str) -> str:
    """Where the LLM's answers for a quarter are kept."""
    return f"intermediate/llm-answers/quarter={quarter}/"


# --- reduce and package -----------------------------------------------------------------------


def firms(quarter: str) -> str:
    """The table of the quarter's firms."""
    return f"processed/firms/quarter={quarter}/firms.parquet"


def sentences(quarter: str, batch: str, part: int) -> str:
    """A file of the table of sentences: those of one part of a batch."""
    return f"{sentences_prefix(quarter)}{batch}_part_{part:02d}.parquet"


def sentences_prefix(quarter: str) -> str:
    """The table of the quarter's sentences."""
    return f"processed/sentences/quarter={quarter}/"


def topics(quarter: str) -> str:
    """The table of the quarter's topics."""
    return f"processed/topics/quarter={quarter}/topics.parquet"


def themes(quarter: str) -> str:
    """The table of the quarter's themes."""
    return f"{themes_prefix(quarter)}themes.parquet"


def themes_prefix(quarter: str) -> str:
    """The folder of the quarter's themes."""
    return f"processed/themes/quarter={quarter}/"


def theme_contributions(quarter: str) -> str:
    """The table that says which topics of which firms make up each theme."""
    return f"processed/theme_contributions/quarter={quarter}/theme_contributions.parquet"


def calls(quarter: str) -> str:
    """The table of earnings calls: how much is said in each."""
    return f"processed/calls/quarter={quarter}/calls.parquet"


def exposures(quarter: str) -> str:
    """The table that says how much of each call is about each theme."""
    return f"processed/exposures/quarter={quarter}/exposures.parquet"


def evidence(quarter: str, batch: str, part: int) -> str:
    """Which sentences count for which theme, among the sentences of the part with the same name."""
    return f"{evidence_prefix(quarter)}{batch}_part_{part:02d}.parquet"


def evidence_prefix(quarter: str) -> str:
    """The folder of the quarter's evidence."""
    return f"processed/evidence/quarter={quarter}/"


def themes_for_sentiment(quarter: str) -> str:
    """The table for sentiment analysis: each theme's sentences by firm."""
    return f"sentiment-ready/quarter={quarter}/themes_for_sentiment.parquet"


def report(quarter: str) -> str:
    """The quarter's report, a page for the browser."""
    return f"reports/quarter={quarter}/index.html"


# --- panels -----------------------------------------------------------------------------------

JOINT = "joint"  # instead of a quarter whose themes are taken: themes of all quarters together


def check_panel(name: str) -> str:
    """Return the name of a panel; raise InvalidInput when it cannot be part of an id."""
    if not _PANEL.fullmatch(name):
        raise InvalidInput(f"panel {name!r} is not a name: use up to 40 letters, digits, - and _")
    return name


def check_panel_quarters(quarters: Sequence[str], themes_from: str | None) -> None:
    """Raise InvalidInput for a quarter given twice, or one before the quarter that the themes are from."""
    twice = sorted({quarter for quarter in quarters if list(quarters).count(quarter) > 1})
    if twice:
        raise InvalidInput(f"{', '.join(twice)} is given twice: give each quarter once")
    earlier = [quarter for quarter in sorted(quarters) if themes_from and quarter < themes_from]
    if earlier:
        raise InvalidInput(
            f"the themes of {themes_from} are known only after {', '.join(earlier)}, so the panel would not be point "
            "in time: take those of an earlier quarter, or themes found jointly"
        )


def panel_prefix(name: str) -> str:
    """The folder of a panel."""
    return f"panels/{name}/"


def panel_table(table: str) -> str:
    """The file of one of a panel's tables, from the panel's folder."""
    return f"{table}/{table}.parquet"
