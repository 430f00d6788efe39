"""The only connection to WRDS' PostgreSQL that a prefetch makes: WRDS may ask for a second factor each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from sqlalchemy import URL, Connection, NullPool, create_engine, event

from cloud.src.prefetch.wrds.errors import explained
from cloud.src.prefetch.wrds.login import Login

CONNECT_TIMEOUT_S = 60  # time to find the phone that has to approve the login


@contextmanager
def connect(login: Login, timeout_s: int = CONNECT_TIMEOUT_S) -> Iterator[Connection]:
    """Yield a read-only connection, with times in UTC. Errors in the block become a WrdsError."""
    server = login.server
    url = URL.create(
        "postgresql+psycopg",
        username=login.username,
        password=login.password,
        host=server.host,
        port=server.port,
        database=server.database,
    )
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "sslmode": server.sslmode,
            "connect_timeout": timeout_s,
            "application_name": "ftm prefetch",
            "client_encoding": "utf8",
        },
    )
    event.listen(engine, "connect", _prepare)
    with explained(login), engine.connect() as connection:
        yield connection


def _prepare(connection: psycopg.Connection[Any], _: object) -> None:
    connection.read_only = True
    connection.adapters.register_loader("text", _Text)
    connection.adapters.register_loader("varchar", _Text)
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII":
        connection.execute("SET client_encoding TO 'SQL_ASCII'")  # otherwise the server refuses text that is not UTF-8
    connection.execute("SET TIME ZONE 'UTC'")  # a day is a day in UTC, whatever the server's time zone is
    connection.commit()


class _Text(Loader):
    """Decodes text from a database without an encoding, which returns what was put in: UTF-8, else Windows' cp1252."""

    def load(self, data: Buffer) -> str:
        raw = bytes(data)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("cp1252", errors="replace")
