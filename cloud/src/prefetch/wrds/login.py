"""Who logs in to WRDS, and where: the variables of PostgreSQL's own programs, ~/.pgpass, or Secrets Manager."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from cloud.src.contract.errors import InvalidInput

SECRET = "ftm/wrds"

# https://wrds-www.wharton.upenn.edu/pages/support/programming-wrds
_HOST, _PORT, _DATABASE = "wrds-pgdata.wharton.upenn.edu", "9737", "wrds"
_NO_LOGIN = (
    "there is no login for {host}: put a line {host}:{port}:{database}:USERNAME:PASSWORD into {file} (chmod 600), or "
    f"set PGUSER and PGPASSWORD, or put the login into the secret {SECRET} of your AWS account, if you may read it"
)


@dataclass(frozen=True)
class Server:
    """Where WRDS' PostgreSQL is. PGHOST, PGPORT, PGDATABASE and PGSSLMODE name another server."""

    host: str
    port: int
    database: str
    sslmode: str


@dataclass(frozen=True)
class Login:
    """A server and who logs in. The password is never in a repr, and is None if libpq has it in its own file."""

    server: Server
    username: str
    password: str | None = field(default=None, repr=False)


def find_login(environment: Mapping[str, str], secrets: Callable[[], Any]) -> Login:
    """Return the first login found: in PGUSER and PGPASSWORD, the password file, or the secret ``ftm/wrds``.

    Args:
        environment: the process's variables. secrets: makes a boto3 client of Secrets Manager; called only if the other
        two have no login.

    Raises:
        InvalidInput: no login was found, others can read the password file, or it is unclear which password is meant;
        says what to do.
    """
    server = Server(
        host=environment.get("PGHOST") or _HOST,
        port=_port(environment.get("PGPORT") or _PORT),
        database=environment.get("PGDATABASE") or _DATABASE,
        sslmode=environment.get("PGSSLMODE") or "require",
    )
    username = environment.get("PGUSER") or None
    if username and environment.get("PGPASSWORD"):
        return Login(server, username, environment["PGPASSWORD"])
    password_file = Path(environment.get("PGPASSFILE") or Path.home() / ".pgpass")
    in_file = _username_in(password_file, server, username)
    if in_file:
        if environment.get("PGPASSWORD"):  # libpq would take this password, with the user of the file
            raise InvalidInput(
                f"PGPASSWORD is set without PGUSER, and {password_file} has a login of {in_file}: set PGUSER, too, or "
                "unset PGPASSWORD"
            )
        return Login(server, in_file)
    login = _in_secret(server, secrets)
    if login is None:
        raise InvalidInput(
            _NO_LOGIN.format(host=server.host, port=server.port, database=server.database, file=password_file)
        )
    return login


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise InvalidInput(f"PGPORT {text!r} is not a port: give a number up to 65535, {_PORT} for WRDS")
    return int(text)


def _username_in(path: Path, server: Server, username: str | None) -> str | None:
    """Return the user whose password for the server is in the file; ``username`` if it is given and in the file.

    libpq needs to be told the user before it reads the file, although WRDS' users have already written it there.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = [re.sub(r"\\(.)", r"\1", field) for field in re.split(r"(?<!\\):", line)]
        if line.startswith("#") or len(fields) != 5:
            continue
        wanted = (server.host, str(server.port), server.database, username or fields[3])
        if all(given in ("*", need) for given, need in zip(fields, wanted, strict=False)) and wanted[3] != "*":
            if path.stat().st_mode & 0o077:  # libpq would ignore it silently
                raise InvalidInput(f"{path} has passwords and can be read by others: chmod 600 {path}")
            return wanted[3]
    return None


def _in_secret(server: Server, secrets: Callable[[], Any]) -> Login | None:
    """Return the login in Secrets Manager; None if no account is in use or it has no such secret for us."""
    try:
        answer = secrets().get_secret_value(SecretId=SECRET)
    except (NoCredentialsError, NoRegionError):
        return None
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFoundException", "AccessDeniedException"):
            return None
        raise
    try:
        value = json.loads(answer["SecretString"])  # a binary secret has no text
        return Login(server, str(value["username"]), str(value["password"]))
    except (ValueError, KeyError, TypeError):
        # Not chained: the error's text would quote the secret.
        raise InvalidInput(f'the secret {SECRET} is not of the form {{"username": "...", "password": "..."}}') from None
