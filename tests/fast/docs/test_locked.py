"""The table of locked packages is that of the lockfile."""

from __future__ import annotations

from docs.packages.list_locked import HEADING, PAGE, locked_packages, row, without_sha256


def test_the_table_has_every_package_with_licence_and_use() -> None:
    rows = PAGE.read_text(encoding="utf-8").partition(HEADING)[2].splitlines()
    licences = [line.split(" | ")[2] for line in rows]

    again = "./pants run docs/packages/list_locked.py writes it again"
    assert rows == [row(each, said) for each, said in zip(locked_packages(), licences, strict=True)], again
    assert "" not in licences
    assert "not said" not in licences


def test_every_locked_file_has_a_sha256() -> None:
    assert without_sha256() == []


def test_every_locked_package_says_why_it_is_there() -> None:
    uses = {each.name: each.use for each in locked_packages()}

    assert uses["duckdb"].startswith("queries over many Parquet files")
    assert uses["hypothesis"].startswith("tests: ")
    assert "boto3" in uses["botocore"].removeprefix("needed by ").split(", ")
    assert "openai" not in uses["botocore"]  # needs it for an extra that is not asked for
    assert uses["flask-cors"] == "needed by moto"  # by its extra, server
