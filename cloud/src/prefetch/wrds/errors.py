"""What can go wrong with WRDS, in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from cloud.src.contract.errors import FtmError
from cloud.src.prefetch.wrds.login import Login

_TRY_AGAIN = "run the same command again to continue from the last finished chunk"

# Patterns of what PostgreSQL and its client say when a connection fails -> what it means. The first match counts. WRDS
# gives the same answer for a wrong password and for a login that nobody approves on the phone.
_CONNECTION = {
    "PAM authentication failed": (
        "WRDS refused {username}: check the password, and approve the Duo request on your phone; WRDS sends one for "
        "every machine that it does not know"
    ),
    "no pg_hba.conf entry": "{host} does not let {username} in from this machine: check the username, or ask WRDS",
    "authentication failed": "{host} refused the user or password of {username}: check them where they are kept",
    "no password supplied": "there is no password for {username}: check the line of {host} in ~/.pgpass",
    "timeout expired": (
        "no answer from {host}:{port}: approve the Duo request on your phone if there is one; else a firewall keeps "
        "this machine from port {port}"
    ),
    "resolve host": "there is no host {host}: check the network of this machine, and PGHOST if it is set",
    "Connection refused": "nothing answers at {host}:{port}: check the network of this machine, PGHOST and PGPORT",
    "unreachable": "{host}:{port} cannot be reached from this machine: check its network",
    "No route to host": "{host}:{port} cannot be reached from this machine: check its network",
    "does not support SSL": "{host}:{port} does not encrypt, so nothing was sent: is it WRDS? Check PGHOST and PGPORT",
    "too many connections": "{username} has as many connections as WRDS allows: close others (notebooks, SAS, R)",
    "too many clients": "{host} has no connection left: try again in a few minutes",
    'role ".*" does not exist': "{host} has no user {username}: check PGUSER, or the user in ~/.pgpass",
    'database ".*" does not exist': "{host} has no database {database}: check PGDATABASE",
}


class WrdsError(FtmError):
    """WRDS cannot be used, or no longer. The prefetch can be continued later."""


@contextmanager
def explained(login: Login) -> Iterator[None]:
    """Turn any error of the database in the block into a WrdsError of one line, without the password."""
    try:
        yield
    except DBAPIError as error:
        # Not chained: nothing below may show what was sent to log in.
        raise WrdsError(_line(error.orig, login)) from None


def _line(error: BaseException | None, login: Login) -> str:
    text = str(error).strip() or type(error).__name__
    if login.password:
        text = text.replace(login.password, "***")
    said = text.splitlines()[0]
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            f"WRDS does not let {login.username} read this: {said}: ask your library's WRDS representative for access"
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
        return f"WRDS' tables are not as FTM knows them (docs/packages/wrds.md): {said}"
    if isinstance(error, errors.QueryCanceled):
        return f"WRDS has stopped a query: {said}; {_TRY_AGAIN}"
    if isinstance(error, psycopg.OperationalError):
        return _connection_line(text, login)
    return f"WRDS: {said}"


def _connection_line(text: str, login: Login) -> str:
    server = login.server
    for pattern, meaning in _CONNECTION.items():
        if re.search(pattern, text):  # if a host has several addresses, the reason is not in the first line
            return meaning.format(username=login.username, host=server.host, port=server.port, database=server.database)
    return f"the connection to {server.host} is lost: {text.splitlines()[0]}; {_TRY_AGAIN}"
