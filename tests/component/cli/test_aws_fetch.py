"""``ftm aws fetch``: from a bucket's tables to a folder with a report, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cloud.src.cli.__main__ import run
from cloud.src.cli.aws import fetch as fetching
from cloud.src.cli.aws.account import Account
from cloud.src.cli.aws.fetch import fetch
from cloud.src.cli.report import command
from cloud.src.cli.run import mirror
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError
from cloud.src.contract.record import of_run
from tests.component.conftest import BUCKET
from tests.fast.cli.report_tables import QUARTER, write_small_quarter

SCRIPT = "application/javascript"  # as older systems call it
PROGRESS = keys.progress(QUARTER, "2023Q1_batch_0000")
WORK_FILES = (
    PROGRESS,
    f"{keys.batch_manifests_prefix(QUARTER)}manifest_20230401T000000000000Z.jsonl",
    keys.topics_part(QUARTER, "2023Q1_batch_0000_part_00_98f3e06c"),
    keys.sentences_part(QUARTER, "2023Q1_batch_0000_part_00_98f3e06c"),
    keys.llm_answers(QUARTER, "2023Q1_batch_0000_part_00_98f3e06c"),
)


def put(s3: Any, folder: Path) -> set[str]:
    """Put all files of a folder into the bucket; return their keys."""
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    for key, path in paths.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    return set(paths)


def put_again(s3: Any, key: str, folder: Path, run_id: str) -> None:
    """Put a table that another run has made."""
    pq.write_table(of_run(pq.read_table(folder / key, partitioning=None), run_id), folder / key)
    s3.put_object(Bucket=BUCKET, Key=key, Body=(folder / key).read_bytes())


def contents(folder: Path) -> dict[str, bytes]:
    """The tables in a folder."""
    paths = [*folder.glob("processed/**/*.parquet"), *folder.glob("sentiment-ready/**/*.parquet")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def made(s3: Any, tmp_path: Path) -> Path:
    """A quarter's tables and what a panel needs besides, in a folder and in the bucket."""
    folder = write_small_quarter(tmp_path / "made")
    for key in WORK_FILES:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_text("{}")
    put(s3, folder)
    return folder


def test_tables_and_report(account: Account, s3: Any, made: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"

    assert run(["aws", "fetch", QUARTER, "--out", str(out)]) == 0

    assert contents(out) == contents(made)
    assert [(out / key).read_text() for key in WORK_FILES] == ["{}"] * len(WORK_FILES)
    assert (out / keys.report(QUARTER)).is_file()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{QUARTER}: {len(contents(made)) + len(WORK_FILES)} files, ")
    assert lines[1] == f"Report: {out / keys.report(QUARTER)}"
    assert lines[3].split() == ["read", "the", "report", *f"ftm report {out} --quarter {QUARTER} --open".split()]


def test_again_copies_only_what_has_changed(account: Account, s3: Any, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    n_files = fetch(account, QUARTER, out).n_new
    (made / PROGRESS).write_text('{"done": []}')
    s3.put_object(Bucket=BUCKET, Key=PROGRESS, Body=(made / PROGRESS).read_bytes())

    again = fetch(account, QUARTER, out)

    assert (again.n_new, again.n_kept) == (1, n_files - 1)
    assert (out / PROGRESS).read_text() == '{"done": []}'
    assert fetch(account, QUARTER, out).n_new == 0


def test_a_copy_that_somebody_has_changed_is_replaced(account: Account, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch(account, QUARTER, out)
    (out / keys.themes(QUARTER)).write_bytes(b"x" * (made / keys.themes(QUARTER)).stat().st_size)

    assert fetch(account, QUARTER, out).n_new == 1
    assert contents(out) == contents(made)


def test_what_the_bucket_lost_the_folder_loses_too(account: Account, s3: Any, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extra = keys.sentences(QUARTER, "2023Q1_batch_0009", 0)
    key = next(key for key in contents(made) if key.startswith(keys.sentences_prefix(QUARTER)))
    s3.put_object(Bucket=BUCKET, Key=extra, Body=(made / key).read_bytes())
    fetch(account, QUARTER, out)
    (out / extra).with_name("notes.txt").write_text("the user's")
    s3.delete_object(Bucket=BUCKET, Key=extra)

    fetch(account, QUARTER, out)

    assert not (out / extra).exists()
    assert (out / extra).with_name("notes.txt").exists()


def test_tables_of_two_runs_are_refused(account: Account, s3: Any, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch(account, QUARTER, out)
    before = contents(out)
    put_again(s3, keys.topics(QUARTER), made, "another run")

    with pytest.raises(FtmError, match="the bucket's tables of 2023Q1 come from different runs"):
        fetch(account, QUARTER, out)

    assert contents(out) == before
    assert not list(out.rglob("*.partial"))


def test_an_interruption_leaves_the_tables_that_were_there(
    account: Account, s3: Any, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    fetch(account, QUARTER, out)
    before = contents(out)
    for key in before:
        put_again(s3, key, made, "a later run")
    copy = fetching._copy
    copied: list[Any] = []

    def interrupted(*arguments: Any) -> None:
        if len(copied) == 2:
            raise KeyboardInterrupt
        copied.append(arguments)
        copy(*arguments)

    monkeypatch.setattr(fetching, "_copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(account, QUARTER, out)

    assert contents(out) == before
    assert not list(out.rglob("*.partial"))


def test_an_object_that_is_written_meanwhile_is_one_line(
    account: Account, s3: Any, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = mirror.objects_under

    def then_changed(*arguments: Any) -> Any:
        yield from list(listed(*arguments))
        s3.put_object(Bucket=BUCKET, Key=keys.topics(QUARTER), Body=b"half a table")

    monkeypatch.setattr(fetching, "objects_under", then_changed)
    with pytest.raises(FtmError, match=r"topics\.parquet is being written right now: fetch again"):
        fetch(account, QUARTER, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_without_tables_it_is_one_line(account: Account, tmp_path: Path, capsys: Any) -> None:
    assert run(["aws", "fetch", "2023Q2", "--out", str(tmp_path / "out")]) == 2
    assert f"s3://{BUCKET} has no tables of 2023Q2: ftm aws start 2023Q2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_published_report_is_complete_in_the_bucket(
    account: Account, s3: Any, made: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the files beside a large report; those of an earlier one go, those of other quarters stay."""
    out, report = tmp_path / "out", keys.report(QUARTER)
    stale, others = report.replace("index.html", "data/old.js"), report.replace(QUARTER, "2022Q4")
    for key in (stale, others):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"old")
    beside = report.replace("index.html", "data/themes.js")
    write_report = command.write_report

    def with_a_file_beside(folder: Path, quarter: str) -> Path:
        (folder / beside).parent.mkdir(parents=True)
        (folder / beside).write_text("[]")
        return write_report(folder, quarter)

    monkeypatch.setattr(fetching, "write_report", with_a_file_beside)
    monkeypatch.setattr(command, "remove_others", lambda *_: None)

    assert run(["aws", "fetch", QUARTER, "--out", str(out), "--publish"]) == 0

    page = s3.get_object(Bucket=BUCKET, Key=report)
    assert page["Body"].read() == (out / report).read_bytes()
    assert page["ContentType"] == "text/html; charset=utf-8"
    assert s3.get_object(Bucket=BUCKET, Key=beside)["ContentType"] in {"text/javascript; charset=utf-8", SCRIPT}
    listed = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/")["Contents"]}
    assert listed == {report, beside, others, "reports/index.html"}
    printed = capsys.readouterr()
    assert f"Published: s3://{BUCKET}/{report}" in printed.out
    assert printed.err.startswith("account 123456789012, region us-east-1")


def test_the_published_list_leads_to_what_the_bucket_has(account: Account, s3: Any, made: Path, tmp_path: Path) -> None:
    """Not to pages of this folder that are not published, and also to those that were published from elsewhere."""
    out, local = tmp_path / "out", "reports/themes_2022Q3_2023Q1.html"
    for page in (keys.report("2022Q4"), "reports/themes_2022Q4_2023Q1.html"):
        s3.put_object(Bucket=BUCKET, Key=page, Body=b"from elsewhere")
    fetch(account, QUARTER, out)
    write_small_quarter(out, "2022Q3")
    command.write_report(out, "2022Q3")
    (out / local).touch()

    fetching.publish(account, QUARTER, out)

    page = s3.get_object(Bucket=BUCKET, Key="reports/index.html")
    assert page["ContentType"] == "text/html; charset=utf-8"
    text = page["Body"].read().decode()
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert links == [
        *("quarter=2023Q1/index.html", "quarter=2022Q4/index.html"),
        "themes_2022Q4_2023Q1.html",
    ]
    assert "3 firms" in text


def test_for_scripts(account: Account, made: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"

    assert run(["aws", "fetch", QUARTER, "--out", str(out), "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["report"] == str(out / keys.report(QUARTER))
    assert (printed["n_new"], printed["n_kept"]) == (len(contents(made)) + len(WORK_FILES), 0)
