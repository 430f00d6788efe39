"""Who is answered by the local AWS: those who sign with the keys of its run, and nobody else."""

from __future__ import annotations

import http.client
import json
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cloud.src.localaws.clients import local_client
from cloud.src.localaws.endpoint import Endpoint
from cloud.src.localaws.environment import LocalAws, local_aws
from tests.integration.localaws_helpers import (
    PYTHON_IMAGE,
    create_function,
    create_queue,
    invoke,
    printed,
    run_python_job,
)

BUCKET = "private"
SECRET = "xai-secret"
READ_SECRET = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
LISTS_BUCKETS = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'][0]['Name'])"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with local_aws(images=PYTHON_IMAGE) as aws:
        aws.client("secretsmanager").create_secret(Name="ftm/xai", SecretString=SECRET)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("s3").put_object(Bucket=BUCKET, Key="a b/c+d=é", Body=b"text", Metadata={"some_name": "x  y"})
        yield aws


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower() for name in response.headers}
        self.text = response.read().decode()


def send(aws: LocalAws, method: str, target: str, body: str = "", **headers: str) -> Answer:
    """What a plain HTTP client is answered."""
    connection = http.client.HTTPConnection(urlsplit(aws.endpoint_url).netloc)
    connection.request(method, target, body, headers)
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def refused(answer: Answer) -> bool:
    readable_by_pages = {header for header in answer.headers if header.startswith("access-control-")}
    return answer.status == 403 and SECRET not in answer.text and not readable_by_pages


@pytest.mark.parametrize("service", ["s3", "lambda", "batch", "secretsmanager", "ssm", "ec2", "iam", "logs", "sts"])
@pytest.mark.parametrize(
    ("access_key_id", "secret_access_key"), [("test", "test"), ("local", "local"), (None, "test"), ("test", None)]
)
def test_other_keys_are_refused(
    aws: LocalAws, service: str, access_key_id: str | None, secret_access_key: str | None
) -> None:
    """None: that of this run, so that one of the two is right."""
    other = replace(
        aws.endpoint,
        access_key_id=access_key_id or aws.endpoint.access_key_id,
        secret_access_key=secret_access_key or aws.endpoint.secret_access_key,
    )
    if other == aws.endpoint:
        pytest.fail("these are no other keys")
    with pytest.raises(ClientError, match="answers only to the keys of its own run") as error:
        call(local_client(other, service), service)
    assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"


def call(client: Any, service: str) -> None:
    """One call of each form that the services of AWS have."""
    calls = {
        "s3": lambda: client.get_object(Bucket=BUCKET, Key="a b/c+d=é"),
        "lambda": lambda: client.get_function(FunctionName="arn:aws:lambda:us-east-1:666938415731:function:none"),
        "batch": lambda: client.describe_jobs(jobs=["none"]),
        "secretsmanager": lambda: client.get_secret_value(SecretId="ftm/xai"),
        "ssm": lambda: client.get_parameters(Names=["none"]),
        "ec2": lambda: client.describe_vpcs(),
        "iam": lambda: client.list_roles(),
        "logs": lambda: client.describe_log_groups(),
        "sts": lambda: client.get_caller_identity(),
    }
    calls[service]()


def test_the_runs_own_keys_open_everything(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    read = s3.get_object(Bucket=BUCKET, Key="a b/c+d=é")
    assert (read["Body"].read(), read["Metadata"]) == (b"text", {"some_name": "x  y"})
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="a b/", StartAfter="a b/a+~*'()")
    assert [entry["Key"] for entry in listed["Contents"]] == ["a b/c+d=é"]
    for service in ("batch", "secretsmanager", "ssm", "ec2", "iam", "logs", "sts"):
        call(aws.client(service), service)


def test_jobs_and_functions_have_the_runs_keys(aws: LocalAws) -> None:
    create_queue(aws)
    assert printed(aws, run_python_job(aws, "lists-buckets", LISTS_BUCKETS)) == [BUCKET]
    handler = "import boto3\ndef handler(event, context):\n    return len(boto3.client('s3').list_buckets()['Buckets'])"
    create_function(aws, "lists-buckets", {"app.py": handler})
    assert invoke(aws, "lists-buckets")["payload"] == 1


@pytest.mark.parametrize(
    ("method", "target", "body", "headers"),
    [
        ("GET", "/", "", {}),
        ("GET", f"/{BUCKET}", "", {}),
        ("HEAD", f"/{BUCKET}", "", {}),
        ("PUT", "/new", "", {}),
        ("GET", "/moto-api/data.json", "", {}),
        ("POST", "/moto-api/reset", "", {}),
        ("GET", "/latest/meta-data/iam/security-credentials/", "", {}),
        ("GET", "/favicon.ico", "", {}),
        ("OPTIONS", "/", "", {"Origin": "http://example.com", "Access-Control-Request-Method": "POST"}),
        ("POST", "/", '{"SecretId": "ftm/xai"}', READ_SECRET),
        ("POST", "/", '{"SecretId": "ftm/xai"}', {**READ_SECRET, "Content-Type": "text/plain"}),
        ("POST", "/2015-03-31/functions", "{}", {"Origin": "http://example.com"}),
        ("POST", "/", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15", {}),
        ("GET", "/", "", {"Authorization": "AWS test:test"}),
        ("GET", "/", "", {"Authorization": "Bearer test"}),
    ],
)
def test_what_is_not_signed_is_refused(
    aws: LocalAws, method: str, target: str, body: str, headers: dict[str, str]
) -> None:
    assert refused(send(aws, method, target, body, **headers))


def test_presigned_urls_are_refused(aws: LocalAws) -> None:
    for version in ("s3v4", "s3"):
        session = boto3.Session(aws.endpoint.access_key_id, aws.endpoint.secret_access_key, region_name="us-east-1")
        s3 = session.client("s3", endpoint_url=aws.endpoint_url, config=Config(signature_version=version))
        url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a b/c+d=é"})
        assert refused(send(aws, "GET", url.removeprefix(aws.endpoint_url)))


def test_unsigned_clients_are_refused(aws: LocalAws) -> None:
    """As ``aws --no-sign-request``."""
    config = Config(signature_version=UNSIGNED)
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=aws.endpoint_url, config=config)
    with pytest.raises(ClientError, match="answers only to the keys of its own run"):
        s3.list_buckets()


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:80", "10.0.0.7", "", "127.0.0.1.nip.io"])
def test_a_name_that_somebody_points_to_this_machine_is_refused(aws: LocalAws, host: str) -> None:
    signed = signed_headers(aws, host)
    assert refused(send(aws, "GET", "/", **signed))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:80"])
def test_the_names_of_this_machine_are_answered(aws: LocalAws, host: str) -> None:
    answer = send(aws, "GET", "/", **signed_headers(aws, host))
    assert (answer.status, BUCKET in answer.text) == (200, True)


def signed_headers(aws: LocalAws, host: str, body: bytes = b"") -> dict[str, str]:
    """Headers of ``GET /`` of S3, signed for a host."""
    request = AWSRequest("GET", f"{aws.endpoint_url}/", headers={"Host": host}, data=body)
    keys = Credentials(aws.endpoint.access_key_id, aws.endpoint.secret_access_key)
    S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def test_a_signature_is_of_one_request_only(aws: LocalAws) -> None:
    signed = signed_headers(aws, urlsplit(aws.endpoint_url).netloc)
    assert send(aws, "GET", "/", **signed).status == 200
    assert refused(send(aws, "GET", f"/{BUCKET}", **signed))
    assert refused(send(aws, "GET", "/?location", **signed))
    assert refused(send(aws, "PUT", "/", **signed))
    assert refused(send(aws, "GET", "/", "another body", **signed))
    assert refused(send(aws, "GET", "/", **{**signed, "X-Amz-Date": "20200101T000000Z"}))


def test_a_page_never_sees_signed_answers(aws: LocalAws) -> None:
    signed = signed_headers(aws, urlsplit(aws.endpoint_url).netloc)
    answer = send(aws, "GET", "/", **signed, Origin="http://example.com")
    assert answer.status == 200
    assert not {header for header in answer.headers if header.startswith("access-control-")}


def test_every_run_has_secret_keys_of_its_own(aws: LocalAws) -> None:
    assert aws.endpoint.secret_access_key not in repr(aws)
    with local_aws() as other:
        assert other.endpoint.access_key_id != aws.endpoint.access_key_id
        assert other.endpoint.secret_access_key != aws.endpoint.secret_access_key
    commands = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "cloud.src.localaws" in commands
    assert aws.endpoint.secret_access_key not in commands
    assert aws.work_folder is not None
    assert stat.S_IMODE(aws.work_folder.stat().st_mode) == 0o700
    files = [path for path in aws.work_folder.rglob("*") if path.is_file()]
    assert files
    assert not [file for file in files if aws.endpoint.secret_access_key.encode() in file.read_bytes()]


def test_keys_are_read_as_they_are_printed() -> None:
    endpoint = Endpoint.with_new_keys("http://127.0.0.1:1")
    assert Endpoint.of_exports(endpoint.exports("us-east-1")) == endpoint
    assert json.dumps(endpoint.variables("us-east-1")).count(endpoint.secret_access_key) == 1
