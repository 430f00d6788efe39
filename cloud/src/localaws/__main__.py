"""``python -m cloud.src.localaws``: the local AWS in the foreground; prints what to export to use it."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path

from cloud.src.contract.errors import FtmError
from cloud.src.localaws.host import IMAGES
from cloud.src.localaws.server import serve


def main() -> int:
    """Run the local AWS until it is told to stop; return the exit code."""
    arguments = _parser().parse_args()
    work_folder = arguments.work_folder or Path(tempfile.mkdtemp(prefix="ftm-local-aws-"))
    images = {**IMAGES, **dict(_image(text) for text in arguments.image)}
    try:
        serve(arguments.port, arguments.job_slots, images, work_folder, arguments.watch_stdin, arguments.containers)
    except FtmError as error:
        print(error, file=sys.stderr)
        if not arguments.work_folder:
            work_folder.rmdir()
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localaws", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--job-slots", type=int, default=2, help="Batch jobs that run at the same time (default: 2)")
    parser.add_argument(
        "--image", action="append", default=[], metavar="NAME=COMMAND", help="what a container of this image runs"
    )
    parser.add_argument("--containers", action="store_true", help="run Batch jobs as containers of the Docker engine")
    parser.add_argument("--work-folder", type=Path, help="folder for temporary files, deleted at the end")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input closes")
    return parser


def _image(text: str) -> tuple[str, list[str]]:
    name, _, command = text.partition("=")
    return name, shlex.split(command)


if __name__ == "__main__":
    sys.exit(main())
