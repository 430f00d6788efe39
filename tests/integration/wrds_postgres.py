"""A real PostgreSQL server for the tests that need WRDS: started on a free port, gone at the end."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.missing_program import skip_without

SUPERUSER, PASSWORD = "administrator", "pa ss:word%41"  # with what has to be escaped in URLs and password files
_DEBIAN = Path("/usr/lib/postgresql")  # where Debian keeps the server's programs, outside PATH


@dataclass(frozen=True)
class PostgresServer:
    """A running server, without encryption, which asks for passwords."""

    port: int

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection of the superuser that commits each statement."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=PASSWORD,
            dbname=database,
            client_encoding="utf8",
            autocommit=True,
        )

    def create_database(self, name: str, encoding: str = "UTF8") -> None:
        """Create an empty database, in place of one of that name."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a new, empty server; without the programs the test is skipped, or fails where CI is set."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="ftm-postgres-"))
    data, password_file = folder / "data", folder / "password"
    password_file.write_text(PASSWORD)
    try:
        _hand_over(folder)
        settings = "--auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync".split()
        _run([initdb, f"--pgdata={data}", f"--username={SUPERUSER}", f"--pwfile={password_file}", *settings])
        port = _free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        # -w: it comes back when the server answers.
        _run([pg_ctl, "start", "-w", "-D", str(data), "-l", str(folder / "log"), "-o", options], folder / "log")
        try:
            yield PostgresServer(port)
        finally:
            _run([pg_ctl, "stop", "-w", "-m", "immediate", "-D", str(data)])
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    in_debian = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True)
    found = shutil.which(name) or next(map(str, in_debian), None)
    if found:
        return found
    return skip_without(f"WRDS needs a PostgreSQL server, there is no {name}", "postgresql")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _server_user() -> str:
    """Who runs the server, which refuses to be root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user=_server_user())


def _run(command: list[str], log: Path | None = None) -> None:
    is_root = os.geteuid() == 0
    entry = pwd.getpwnam(_server_user()) if is_root else None
    done = subprocess.run(
        command,
        user=entry.pw_uid if entry else None,
        group=entry.pw_gid if entry else None,
        extra_groups=[] if entry else None,
        cwd="/",  # a user who is not root may not see the folder of the tests
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the server would keep a pipe open
        stderr=subprocess.DEVNULL if log else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = log.read_text() if log and log.exists() else done.stderr
        raise RuntimeError(f"{' '.join(command)} has ended with {done.returncode}: {said}")
