"""Start and end of the ``ftm`` command: every failure that a user can cause ends in one line and an exit code.

Exit codes: 0 done, 1 the run failed, 2 the input is wrong, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by a hangup.
Anything else is a bug in FTM and shows its traceback.
"""

from __future__ import annotations

import errno
import signal
import sys
from types import FrameType

from botocore.exceptions import ClientError, HTTPClientError
from typer import TyperException

from cloud.src.cli.app import app
from cloud.src.contract.errors import FtmError, InvalidInput

# What a machine may refuse: space, permissions, a file in place of a folder or the reverse, invalid names, a broken
# disk. Not ENOENT: files that a user names are checked first, so a file missing later is our mistake.
_NOT_A_BUG = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO),
)

EXIT_FAILED, EXIT_WRONG_INPUT, EXIT_CTRL_C = 1, 2, 130

_DUCKDB_INTERRUPTED = "Query interrupted"  # what DuckDB raises instead of what a signal's handler has raised

_signals: list[int] = []  # those received


def main() -> None:
    """Run the command line of this process and exit."""
    # SIGINT too, because Python leaves it ignored in a process that a script has started in the background.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code."""
    try:
        code = _called(arguments)
    except InvalidInput as error:
        return _fail(error, EXIT_WRONG_INPUT)
    except FtmError as error:
        return _fail(error, EXIT_FAILED)
    except TyperException as error:  # a wrong option or argument; `ftm` alone has shown its help and has no message
        return _fail(error.format_message(), EXIT_WRONG_INPUT) if str(error) else EXIT_WRONG_INPUT
    except HTTPClientError as error:
        return _fail(f"AWS does not answer: {error}", EXIT_FAILED)
    except ClientError as error:  # it answers with an error, for example because its disk is full
        return _fail(f"AWS: {error}", EXIT_FAILED)
    except OSError as error:
        if error.errno not in _NOT_A_BUG:
            raise
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, EXIT_FAILED)
    if code == EXIT_CTRL_C:  # typer makes this of KeyboardInterrupt
        return _fail("stopped; finished parts are kept: run the same command again to continue", EXIT_CTRL_C)
    return code or 0


def _called(arguments: list[str]) -> int | None:
    try:
        code: int | None = app(arguments, prog_name="ftm", standalone_mode=False)
        return code
    except RuntimeError as error:
        if not _signals or str(error) != _DUCKDB_INTERRUPTED:
            raise
        return 128 + _signals[-1]


def _fail(message: object, code: int) -> int:
    print("ftm:", " ".join(str(message).split()), file=sys.stderr)
    return code


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    # An exception, so that the run stops what it has started and keeps what it has finished.
    _signals.append(number)
    raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)


if __name__ == "__main__":
    main()
