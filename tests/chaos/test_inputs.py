"""Whatever a file of transcripts holds, ``ftm prefetch`` reads it or says in a few lines why it does not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.src.cli.__main__ import EXIT_FAILED, EXIT_WRONG_INPUT, run
from cloud.src.contract import keys
from tests.chaos.campaign import campaign

QUARTER = "2023Q1"
# One cause in all rows is one line with a count and three examples, and a file may have several causes.
MOST_LINES = 40

Row = dict[str, Any]

COLUMNS = {
    "company": ["company", "Company Name", "companyname", "COMPANY", "firm"],
    "date": ["date", "Date", "published", "call_date", "datum"],
    "text": ["text", "content", "transcript", "body", "Text ", "texte"],
    "speaker": ["speaker", "speaker_name", "who"],
    "section": ["section", "part"],
    "position": ["position", "componentorder"],
}
SENTENCES = ["Freight costs rose in Ohio.", "We hired ninety technicians.", "Prices of valves held well in Texas."]
ODD: list[Any] = [
    *("", " ", "nan", "NULL", "N/A", "-", "0", "\x00", "\ufeff", "\u202e", "a\nb", 'say "hi"', "=1+1", "<b>Hi.</b>"),
    *(
        "&amp;",
        "\\n\\n",
        "x" * 100_000,
        "{",
        "[]",
        "\U0001f680",
        "2023-02-30",
        "02/03/2023",
        "Aug 27, 2020",
        "20230214",
    ),
    *(None, True, -1, 1.5, 10**20, float("nan"), [], {}, ["Hi."], [{"speaker": "A", "text": "Hi."}]),
]
SUFFIXES = [".csv", ".json", ".ndjson", ".parquet", ".txt", ".csv.gz", ".zip", ".CSV", ".xlsx", ""]


def rows(chance: random.Random) -> list[Row]:
    """A few calls, most of them well."""
    named = {meaning: chance.choice(names) if chance.random() < 0.3 else names[0] for meaning, names in COLUMNS.items()}
    made = []
    for number in range(chance.randrange(6)):
        row: Row = {
            "company": f"Firm {number % 3}",
            "date": f"2023-0{chance.randrange(1, 4)}-14",
            "text": " ".join(chance.choices(SENTENCES, k=chance.randrange(1, 8))),
            "speaker": chance.choice(["Ann Lee -- CFO", "Operator", "Analyst", ""]),
            "section": chance.choice(["prepared", "qa", "Q_and_A", ""]),
            "position": number,
        }
        for meaning in list(row):
            if chance.random() < 0.08:
                row[meaning] = chance.choice(ODD)
        made.append({named[meaning]: value for meaning, value in row.items()})
    if made and chance.random() < 0.2:
        gone = chance.choice(list(made[0]))
        made = [{name: value for name, value in row.items() if name != gone} for row in made]
    return made


def encoded(made: list[Row], suffix: str, chance: random.Random) -> bytes:
    """The rows as a file of this kind would hold them."""
    if suffix == ".parquet":
        table = pa.Table.from_pylist(
            [{name: None if value is None else str(value) for name, value in row.items()} for row in made]
        )
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        return buffer.getvalue()
    if suffix in (".json", ".ndjson"):
        lines = [json.dumps(row) for row in made]
        return ("\n".join(lines) if suffix == ".ndjson" else f"[{','.join(lines)}]").encode()
    if suffix == ".txt":
        return "\n\n".join(f"{row.get('speaker', '')}: {row.get('text', '')}" for row in made).encode()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(made[0]) if made else ["company"], delimiter=chance.choice(",,,;\t|"))
    writer.writeheader()
    writer.writerows(made)
    content = text.getvalue().encode(chance.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))
    if suffix == ".csv.gz":
        return gzip.compress(content)
    if suffix == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for number in range(chance.choice([1, 1, 0, 2])):
                archive.writestr(chance.choice(["calls.csv", "../calls.csv", "calls"]) + "x" * number, content)
        return packed.getvalue()
    return content


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Now and then with bytes missing, others, or twice."""
    if chance.random() < 0.15:
        content = content[: chance.randrange(len(content) + 1)]
    if chance.random() < 0.15 and content:
        at = chance.randrange(len(content))
        content = content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    return content * 2 if chance.random() < 0.05 else content


def test_any_file_is_read_or_refused_in_a_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = iter(range(10**9))

    def attempt(chance: random.Random) -> str:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        suffix = chance.choice(SUFFIXES)
        file = folder / f"{chance.choice(['calls', '2023-Feb-14-AAPL', 'Firm', 'a b'])}{suffix}"
        file.write_bytes(damaged(encoded(rows(chance), suffix, chance), chance))
        source = folder if chance.random() < 0.1 else file

        code = run(["prefetch", QUARTER, "--from", str(source), "--to", str(folder / "bucket")])

        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert len(said.splitlines()) <= MOST_LINES, said
        manifest = folder / "bucket" / keys.prefetch_manifest(QUARTER)
        if code == 0:
            assert json.loads(manifest.read_bytes())["firms"]
            return f"read {suffix or 'without a suffix'}"
        assert code in (EXIT_FAILED, EXIT_WRONG_INPUT)
        assert said.splitlines()[-1].startswith("ftm: ")
        assert not manifest.exists()
        return "refused"

    campaign("files of transcripts", attempt)
