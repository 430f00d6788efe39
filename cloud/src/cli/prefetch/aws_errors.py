"""Explains AWS' refusals in one line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, SSOError, TokenRetrievalError

from cloud.src.contract.errors import FtmError

_CONTINUES = "run the same command again to continue from the last finished chunk"

# AWS' error codes -> what they mean. If the answer has no body, the code is the HTTP status.
_MEANINGS = {
    ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "503"): (
        f"AWS is throttling requests, even after several attempts: wait a few minutes; {_CONTINUES}"
    ),
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"): (
        f"the AWS credentials have expired: log in again (aws sso login, or new keys); {_CONTINUES}"
    ),
    ("InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidClientTokenId"): (
        "AWS does not know these credentials: check AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    ),
    ("RequestTimeTooSkewed",): "this machine's clock is wrong, so AWS refuses its requests: set the clock",
    ("NoSuchBucket",): (
        "there is no bucket {bucket}: check --to, or AWS_PROFILE; the Terraform root storage creates it"
    ),
    ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"): (
        "the bucket {bucket} is in {region}: set AWS_DEFAULT_REGION to that"
    ),
    ("AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"): (
        "AWS does not allow {operation}: the prefetch needs s3:GetObject, s3:PutObject and s3:DeleteObject on "
        "prefetch/* of the bucket, s3:ListBucket, and where it uses them ssm:GetParameter and "
        "secretsmanager:GetSecretValue"
    ),
}


@contextmanager
def aws_errors_explained(bucket: str | None = None) -> Iterator[None]:
    """Turn any refusal by AWS in the block, or failure to reach it, into an FtmError of one line."""
    try:
        yield
    except ClientError as error:
        raise FtmError(_meaning(error, bucket)) from error
    except (SSOError, TokenRetrievalError) as error:
        raise FtmError(f"the AWS login has expired: aws sso login; {_CONTINUES}") from error
    except BotoCoreError as error:  # no credentials, no region, no network
        raise FtmError(
            f"AWS cannot be used: {error} (choose the account with AWS_PROFILE and AWS_DEFAULT_REGION)"
        ) from error


def _meaning(error: ClientError, bucket: str | None) -> str:
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    for codes, meaning in _MEANINGS.items():
        if code in codes:
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            region = headers.get("x-amz-bucket-region") or details.get("Region") or "another region"
            return meaning.format(bucket=bucket, region=region, operation=error.operation_name)
    return f"AWS: {error}"
