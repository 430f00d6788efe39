"""What WRDS refuses is one line that says what to do, and the password is in none of them."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from cloud.src.prefetch.wrds.connection import connect
from cloud.src.prefetch.wrds.errors import WrdsError
from cloud.src.prefetch.wrds.login import Login, Server
from cloud.src.prefetch.wrds.transcripts import WrdsTranscripts
from tests.integration.wrds_postgres import PASSWORD, PostgresServer, postgres_server
from tests.integration.wrds_server import RESEARCHER, connected, load


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        load(running, "wrds")
        yield running


def refusal(login: Login, timeout_s: int = 60) -> str:
    """The line that a user gets who cannot log in."""
    with pytest.raises(WrdsError) as raised, connect(login, timeout_s):
        pytest.fail("it has connected")
    assert raised.value.__suppress_context__
    return str(raised.value)


def at(port: int, host: str = "127.0.0.1", sslmode: str = "disable", database: str = "wrds") -> Server:
    return Server(host, port, database, sslmode)


def test_a_wrong_password(server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = refusal(Login(at(server.port), RESEARCHER, "wrong-horse"))
    assert said == "127.0.0.1 refused the user or password of researcher: check them where they are kept"
    assert "wrong-horse" not in said + caplog.text


def test_a_password_of_any_characters(server: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with connect(Login(at(server.port), RESEARCHER, PASSWORD)) as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == RESEARCHER
        assert PASSWORD not in repr(connection.engine)
    assert PASSWORD not in caplog.text


def test_a_server_that_does_not_encrypt_gets_no_password(server: PostgresServer) -> None:
    said = refusal(Login(at(server.port, sslmode="require"), RESEARCHER, PASSWORD))
    assert said.startswith(f"127.0.0.1:{server.port} does not encrypt, so nothing was sent")


def test_a_database_that_is_not_there(server: PostgresServer) -> None:
    said = refusal(Login(at(server.port, database="wards"), RESEARCHER, PASSWORD))
    assert said == "127.0.0.1 has no database wards: check PGDATABASE"


def test_a_user_that_is_not_there() -> None:
    with server_that_refuses('role "researcher" does not exist') as (port, _):
        said = refusal(Login(at(port), RESEARCHER, PASSWORD))
    assert said == "127.0.0.1 has no user researcher: check PGUSER, or the user in ~/.pgpass"


def test_a_host_without_a_server() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but it does not listen
        port = nobody.getsockname()[1]
        said = refusal(Login(at(port), RESEARCHER, PASSWORD))
    assert said == f"nothing answers at 127.0.0.1:{port}: check the network of this machine, PGHOST and PGPORT"


def test_a_host_that_does_not_exist() -> None:
    said = refusal(Login(at(9737, host="wrds.invalid"), RESEARCHER, PASSWORD))
    assert said == "there is no host wrds.invalid: check the network of this machine, and PGHOST if it is set"


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        said = refusal(Login(at(port), RESEARCHER, PASSWORD), timeout_s=2)
    assert said.startswith(f"no answer from 127.0.0.1:{port}: approve the Duo request on your phone if there is one")


def test_a_login_that_nobody_approves() -> None:
    """WRDS asks for the second factor by PAM; its refusal is all that a client sees of it."""
    with server_that_refuses('PAM authentication failed for user "researcher"') as (port, passwords):
        said = refusal(Login(at(port), RESEARCHER, PASSWORD))
    assert said.startswith("WRDS refused researcher: check the password, and approve the Duo request on your phone")
    assert passwords == [PASSWORD]
    assert PASSWORD not in said


def test_a_server_that_quotes_the_password() -> None:
    with server_that_refuses(f"cannot log in with {PASSWORD}") as (port, _):
        said = refusal(Login(at(port), RESEARCHER, PASSWORD))
    assert "cannot log in with ***" in said


@contextmanager
def server_that_refuses(message: str) -> Iterator[tuple[int, list[str]]]:
    """A server that asks for the password in clear text and then ends with an error, as PostgreSQL with PAM does."""
    passwords: list[str] = []

    def answer(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, client.makefile("rb") as sent:
            sent.read(struct.unpack("!I", sent.read(4))[0] - 4)  # user and database
            client.sendall(b"R" + struct.pack("!II", 8, 3))
            assert sent.read(1) == b"p"
            passwords.append(sent.read(struct.unpack("!I", sent.read(4))[0] - 4).rstrip(b"\0").decode())
            fields = b"SFATAL\0VFATAL\0C28000\0M" + message.encode() + b"\0\0"
            client.sendall(b"E" + struct.pack("!I", 4 + len(fields)) + fields)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=[listening], daemon=True)
        thread.start()
        yield listening.getsockname()[1], passwords
        thread.join(timeout=60)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "REVOKE USAGE ON SCHEMA ciq_transcripts FROM researcher",
            "ciq_transcripts.ciqtranscriptcomponent may not be read; ciq.ciqtranscriptcomponent is not there",
        ),
        ("REVOKE SELECT ON crsp.ccmxpf_lnkhist FROM researcher", "crsp.ccmxpf_lnkhist may not be read"),
        (
            "DROP TABLE ciq_transcripts.wrds_transcript_person",
            "ciq_transcripts.wrds_transcript_person is not there; ciq.ciqtranscriptcomponent is not there",
        ),
    ],
)
def test_an_account_without_the_subscription(server: PostgresServer, change: str, said: str) -> None:
    load(server, "wrds_poor")
    with server.connect("wrds_poor") as connection:
        connection.execute(change.encode())
    with pytest.raises(WrdsError) as raised, connected(server, "wrds_poor") as connection:
        WrdsTranscripts(connection, "2023Q1")
    assert f"this WRDS account lacks what the prefetch reads: {said}. It takes" in str(raised.value)


def test_a_column_that_has_another_name(server: PostgresServer) -> None:
    load(server, "wrds_other")
    with server.connect("wrds_other") as connection:
        connection.execute("ALTER TABLE ciq_common.wrds_gvkey RENAME startdate TO fromdate")
    with pytest.raises(WrdsError) as raised, connected(server, "wrds_other") as connection:
        WrdsTranscripts(connection, "2023Q1")
    assert str(raised.value).startswith("WRDS' tables are not as FTM knows them (docs/packages/wrds.md): column")
    assert "\n" not in str(raised.value)


def test_a_connection_that_is_lost_while_firms_are_read(server: PostgresServer) -> None:
    with pytest.raises(WrdsError) as raised, connected(server) as connection:  # noqa: PT012  # raised when it is left
        source = WrdsTranscripts(connection, "2023Q1")
        with server.connect() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'researcher'")
        list(source.firms())
    assert str(raised.value).startswith("the connection to 127.0.0.1 is lost: ")
    assert str(raised.value).endswith("run the same command again to continue from the last finished chunk")
