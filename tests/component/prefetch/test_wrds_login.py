"""Where the login of WRDS is found, and that a password is shown nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from cloud.src.contract.errors import InvalidInput
from cloud.src.prefetch.wrds.login import Login, find_login

HOST = "wrds-pgdata.wharton.upenn.edu"
PASSWORD = "correct-horse-battery"


def no_account() -> Any:
    pytest.fail("Secrets Manager was asked although there is another login")


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "pgpass"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def secrets(aws_environment: None) -> Iterator[Any]:
    """A client of Secrets Manager in which ``ftm/wrds`` is as Terraform makes it: without a value."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name="ftm/wrds")
    yield client
    client.delete_secret(SecretId="ftm/wrds", ForceDeleteWithoutRecovery=True)


def find(password_file: Path, **environment: str) -> Login:
    return find_login({"PGPASSFILE": str(password_file), **environment}, no_account)


def test_the_environment_comes_first(password_file: Path) -> None:
    password_file.write_text(f"{HOST}:9737:wrds:other:x\n")
    login = find(password_file, PGUSER="ana", PGPASSWORD=PASSWORD)
    assert (login.username, login.password) == ("ana", PASSWORD)
    assert (login.server.host, login.server.port, login.server.database) == (HOST, 9737, "wrds")


def test_the_connection_is_encrypted_unless_told_otherwise(password_file: Path) -> None:
    assert find(password_file, PGUSER="a", PGPASSWORD="b").server.sslmode == "require"
    assert find(password_file, PGUSER="a", PGPASSWORD="b", PGSSLMODE="verify-full").server.sslmode == "verify-full"


@pytest.mark.parametrize(
    ("line", "given", "username"),
    [
        (f"{HOST}:9737:wrds:ana:{PASSWORD}", None, "ana"),
        (f"{HOST}:9737:wrds:ana:{PASSWORD}", "ana", "ana"),
        (f"*:*:*:ana:{PASSWORD}", None, "ana"),
        (f"{HOST}:*:wrds:*:{PASSWORD}", "bo", "bo"),
        (rf"{HOST}:9737:wrds:a\:na:pass\\word\:x", None, "a:na"),
        (f"# wrds\n\nlocalhost:5432:*:me:x\n{HOST}:9737:wrds:ana:{PASSWORD}", None, "ana"),
    ],
)
def test_the_password_file_says_who_logs_in(password_file: Path, line: str, given: str | None, username: str) -> None:
    password_file.write_text(line + "\n")
    login = find(password_file, **({"PGUSER": given} if given else {}))
    assert (login.username, login.password) == (username, None)


def test_pgpassword_without_a_user_is_not_sent(password_file: Path) -> None:
    password_file.write_text(f"{HOST}:9737:wrds:ana:x\n")
    said = f"PGPASSWORD is set without PGUSER, and {password_file} has a login of ana: set PGUSER, too, or unset"
    with pytest.raises(InvalidInput, match=said) as raised:
        find(password_file, PGPASSWORD=PASSWORD)
    assert PASSWORD not in str(raised.value)


def test_a_password_file_that_others_can_read_is_not_used(password_file: Path) -> None:
    password_file.write_text(f"{HOST}:9737:wrds:ana:{PASSWORD}\n")
    password_file.chmod(0o644)
    with pytest.raises(InvalidInput) as raised:
        find(password_file)
    assert str(raised.value) == f"{password_file} has passwords and can be read by others: chmod 600 {password_file}"


@pytest.mark.parametrize("line", ["", f"{HOST}:9737:wrds:ana", "localhost:5432:*:me:x", f"{HOST}:9737:wrds:bo:x"])
def test_a_password_file_without_the_login_is_passed_over(password_file: Path, line: str, secrets: Any) -> None:
    password_file.write_text(line)
    with pytest.raises(InvalidInput, match=f"there is no login for {HOST}: put a line {HOST}:9737:wrds:USERNAME"):
        find_login({"PGPASSFILE": str(password_file), "PGUSER": "ana"}, lambda: secrets)


def test_the_secret_comes_last(tmp_path: Path, secrets: Any) -> None:
    secrets.put_secret_value(
        SecretId="ftm/wrds", SecretString=json.dumps({"username": "operator", "password": PASSWORD})
    )
    login = find_login({"PGPASSFILE": str(tmp_path / "none")}, lambda: secrets)
    assert (login.username, login.password) == ("operator", PASSWORD)


@pytest.mark.parametrize(
    "value",
    [
        {"SecretString": PASSWORD},
        {"SecretString": json.dumps({"user": PASSWORD})},
        {"SecretString": json.dumps([PASSWORD])},
        {"SecretString": f'{{"{PASSWORD}'},
        {"SecretBinary": json.dumps({"username": "ana", "password": PASSWORD}).encode()},
    ],
)
def test_a_secret_of_another_form_is_not_shown(tmp_path: Path, secrets: Any, value: dict[str, Any]) -> None:
    secrets.put_secret_value(SecretId="ftm/wrds", **value)
    with pytest.raises(InvalidInput, match="the secret ftm/wrds is not of the form") as raised:
        find_login({"PGPASSFILE": str(tmp_path / "none")}, lambda: secrets)
    assert PASSWORD not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("code", "raised"), [("AccessDeniedException", InvalidInput), ("ThrottlingException", ClientError)]
)
def test_an_unreadable_secret_is_skipped_and_other_refusals_are_shown(
    tmp_path: Path, secrets: Any, code: str, raised: type[Exception]
) -> None:
    with Stubber(secrets) as refusing:
        refusing.add_client_error("get_secret_value", code)
        with pytest.raises(raised):
            find_login({"PGPASSFILE": str(tmp_path / "none")}, lambda: secrets)


def test_without_an_account_the_line_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for region in (None, "us-east-1"):
        session = boto3.Session(region_name=region)
        with pytest.raises(InvalidInput, match="or set PGUSER and PGPASSWORD, or put the login into the secret"):
            find_login({"PGPASSFILE": str(tmp_path / "none")}, lambda s=session: s.client("secretsmanager"))  # type: ignore[misc]


@pytest.mark.parametrize("port", ["x", "-1", "65536", "54 32"])
def test_a_port_that_is_none(password_file: Path, port: str) -> None:
    with pytest.raises(InvalidInput, match="is not a port: give a number up to 65535, 9737 for WRDS"):
        find(password_file, PGUSER="ana", PGPASSWORD=PASSWORD, PGPORT=port)


def test_the_password_is_in_no_repr(password_file: Path) -> None:
    assert PASSWORD not in repr(find(password_file, PGUSER="ana", PGPASSWORD=PASSWORD))
