"""``ftm aws fetch``: a quarter from the bucket to a folder, as ``ftm run`` leaves it but for the prefetch's copy."""

from __future__ import annotations

import mimetypes
import os
import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cloud.src.cli.aws.account import Account
from cloud.src.cli.panel import panel_folder
from cloud.src.cli.report.command import write_report
from cloud.src.cli.report.index import INDEX, REPORTS, render_index
from cloud.src.cli.run import run_folder
from cloud.src.cli.run.mirror import (
    check_output_folder,
    drop_others_than,
    nearest_existing,
    objects_under,
    output_folder,
    result_prefixes,
    work_prefixes,
)
from cloud.src.contract import keys
from cloud.src.contract.errors import FtmError, InvalidInput
from cloud.src.contract.files import written_whole
from cloud.src.contract.record import run_of
from cloud.src.worker.panel.tables import MARKER

Object = dict[str, Any]  # as ListObjectsV2 lists it


@dataclass(frozen=True)
class Fetched:
    """What has been copied."""

    report: Path
    n_new: int  # files
    n_kept: int  # those that were there already
    new_bytes: int

    def in_words(self) -> str:
        """The result in one line."""
        new = f"{self.n_new:,} files, {self.new_bytes / 1e6:,.1f} MB"
        return f"{new}; {self.n_kept:,} were there already" if self.n_kept else new

    def as_json_object(self) -> dict[str, Any]:
        """The result as JSON."""
        return {**asdict(self), "report": str(self.report)}


def fetch(account: Account, quarter: str, folder: Path) -> Fetched:
    """Copy what the folder does not have yet, and write the report. No file is replaced before all are there.

    Raises InvalidInput when the bucket has no tables of the quarter, FtmError when they are just being written.
    """
    check_output_folder(folder)
    s3, bucket = account.client("s3"), account.bucket()
    prefixes = (*result_prefixes(quarter), *work_prefixes(quarter))
    listed = list(objects_under(s3, bucket, *prefixes, keys.prefetch_manifest(quarter)))
    if keys.themes(quarter) not in {item["Key"] for item in listed}:
        raise InvalidInput(
            f"s3://{bucket} has no tables of {quarter}: ftm aws start {quarter}, ftm aws follow {quarter}"
        )
    new = [item for item in listed if not _is_there(folder, item)]
    _check_space(folder, new)
    with output_folder(folder):
        with ExitStack() as unfinished:
            copies = {item["Key"]: unfinished.enter_context(written_whole(folder / item["Key"])) for item in new}
            for item in new:
                _copy(s3, bucket, item, copies[item["Key"]])
            _check_one_run(folder, quarter, {item["Key"]: copies.get(item["Key"]) for item in listed})
        drop_others_than({item["Key"] for item in listed}, folder, *prefixes)
        report = write_report(folder, quarter)
    return Fetched(report, len(new), len(listed) - len(new), sum(item["Size"] for item in new))


def fetch_panel(account: Account, name: str, folder: Path) -> Path:
    """Copy a panel's tables to ``folder``/panels/``name``, all of them or none; return that folder.

    Raises InvalidInput when the bucket has no such panel, FtmError when one of this name is just being written.
    """
    check_output_folder(folder)
    s3, bucket, prefix = account.client("s3"), account.bucket(), keys.panel_prefix(name)
    listed = list(objects_under(s3, bucket, prefix))
    if prefix + keys.panel_table(MARKER) not in {item["Key"] for item in listed}:
        raise InvalidInput(
            f"s3://{bucket} has no panel {name}, or one that is being made again: ftm aws status, ftm aws panel {name}"
        )
    _check_space(folder, listed)
    out = folder / prefix
    with panel_folder.replaced(out) as unfinished:
        for item in listed:
            path = unfinished / item["Key"].removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(s3, bucket, item, path)
        try:
            panel_folder.run_id(unfinished)
        except InvalidInput as error:
            raise FtmError(
                f"the bucket's tables of panel {name} come from different runs: one is being written; ftm aws status"
            ) from error
    return out


def publish(account: Account, quarter: str, folder: Path) -> str:
    """Put the report into the bucket, what it leads to first, and the list of all its reports; return its address."""
    s3, bucket, key = account.client("s3"), account.bucket(), keys.report(quarter)
    paths = {str(path.relative_to(folder)): path for path in (folder / key).parent.rglob("*") if path.is_file()}
    before = [item["Key"] for item in objects_under(s3, bucket, keys.folder_of(key))]
    for name, path in sorted(paths.items(), key=lambda item: item[0] == key):
        _put(s3, bucket, name, path.read_bytes())
    for name in before:
        if name not in paths:
            s3.delete_object(Bucket=bucket, Key=name)
    reports = f"{REPORTS}/"  # also those of other quarters, which may have been published from elsewhere
    pages = {item["Key"].removeprefix(reports) for item in objects_under(s3, bucket, reports)}
    _put(s3, bucket, INDEX, render_index(folder, pages).encode())
    return f"s3://{bucket}/{key}"


def _put(s3: Any, bucket: str, key: str, body: bytes) -> None:
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=f"{kind}{charset}")


def _is_there(folder: Path, item: Object) -> bool:
    """A copy has the size and the time of its object."""
    path = folder / item["Key"]
    if not path.is_file():
        return False
    found = path.stat()
    return (found.st_size, found.st_mtime) == (item["Size"], item["LastModified"].timestamp())


def _check_space(folder: Path, new: list[Object]) -> None:
    needed, free = sum(item["Size"] for item in new), shutil.disk_usage(nearest_existing(folder)).free
    if free < needed:
        raise FtmError(f"no disk space: {needed / 1e6:,.0f} MB are needed and {folder} has {free / 1e6:,.0f} MB free")


def _copy(s3: Any, bucket: str, item: Object, path: Path) -> None:
    key = item["Key"]
    try:
        body = s3.get_object(Bucket=bucket, Key=key, IfMatch=item["ETag"])["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "NoSuchKey"):
            raise
        raise FtmError(f"s3://{bucket}/{key} is being written right now: fetch again when that is done") from error
    with path.open("wb") as stream:
        shutil.copyfileobj(body, stream)
    modified = item["LastModified"].timestamp()
    os.utime(path, (modified, modified))


def _check_one_run(folder: Path, quarter: str, copies: dict[str, Path | None]) -> None:
    """Raise FtmError when the tables are of several runs; ``copies``: the new files, by key."""
    tables = [copy or folder / key for key, copy in copies.items() if key.startswith(result_prefixes(quarter))]
    if len({run_of(run_folder.schema_of(path)) for path in tables}) > 1:
        raise FtmError(
            f"the bucket's tables of {quarter} come from different runs: one is writing them, or failed while it was; "
            f"ftm aws status, ftm aws resume {quarter}"
        )
