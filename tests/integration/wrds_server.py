"""The WRDS of the tests: PostgreSQL with the fictional firms, and who may read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from cloud.src.prefetch.wrds.connection import connect
from cloud.src.prefetch.wrds.login import Login, Server
from tests.integration.wrds_firms import wrds
from tests.integration.wrds_postgres import PASSWORD, PostgresServer
from tests.integration.wrds_tables import grant

RESEARCHER = "researcher"


def load(server: PostgresServer, database: str, views: bool = False, encoding: str = "UTF8") -> None:
    """Make a database with all the firms, which the researcher may read."""
    server.create_database(database, encoding)
    with server.connect(database) as connection:
        wrds().create(connection, views)
        grant(connection, RESEARCHER, PASSWORD)


def environment(server: PostgresServer, database: str = "wrds") -> dict[str, str]:
    """What names the server and the researcher to PostgreSQL's clients."""
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGDATABASE": database,
        "PGSSLMODE": "disable",
        "PGUSER": RESEARCHER,
        "PGPASSWORD": PASSWORD,
    }


@contextmanager
def connected(server: PostgresServer, database: str = "wrds") -> Iterator[Connection]:
    """The researcher's connection."""
    login = Login(Server("127.0.0.1", server.port, database, "disable"), RESEARCHER, PASSWORD)
    with connect(login) as connection:
        yield connection
