"""Who may use the local AWS: whoever signs each request with the keys of this run, as AWS has it signed.

It runs programs as its user and has the user's secrets, and every user of this machine and every page in a browser can
send it something. So nothing is answered without a signature: no anonymous request, no preflight of a browser, no
presigned URL, nothing of moto's own. A page that has a name of its own point to this machine (DNS rebinding) is told
from us by the header Host.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable
from hashlib import sha256
from http.client import HTTPMessage
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from cloud.src.localaws.endpoint import Endpoint

_HEADERS = "ftm.headers"  # in a WSGI environment: the headers as they were sent, which it changes
_LOOPBACK = ("127.0.0.1", "localhost")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[^, ]+), *Signature=(?P<signature>[0-9a-f]{64})"
)


class Refused(Exception):
    """A request that is not answered; the text says why, to whoever sent it."""


class _Signer(SigV4Auth):
    """Signs all headers that a request has."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPMessage:
        """These headers."""
        headers: HTTPMessage = request.headers
        return headers


class _S3Signer(_Signer, S3SigV4Auth):
    """The same for S3, whose paths are signed as they are."""


class RequestHandler(MotoRequestHandler):
    """Hands on the headers as they were sent."""

    def make_environ(self) -> dict[str, Any]:
        """The WSGI environment of a request."""
        return {**super().make_environ(), _HEADERS: self.headers}


class OnlySigned:
    """A WSGI application in front of moto's: hands on what is signed with the keys of ``endpoint``."""

    def __init__(self, application: Any, endpoint: Endpoint) -> None:
        self._application = application
        self._endpoint = endpoint

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        try:
            _check_host(environ[_HEADERS])
            _check_signature(environ, self._endpoint)
        except Refused as refused:
            return _answer(refused, environ.get("CONTENT_TYPE", ""))(environ, start_response)
        answered: Iterable[bytes] = self._application(environ, start_response)
        return answered


def _check_host(headers: HTTPMessage) -> None:
    hosts = headers.get_all("Host", [])
    try:
        names = [urlsplit(f"//{host}").hostname for host in hosts]
    except ValueError:
        names = []
    if len(names) != 1 or names[0] not in _LOOPBACK:
        raise Refused("the local AWS is at 127.0.0.1, and answers to no other name")


def _check_signature(environ: dict[str, Any], endpoint: Endpoint) -> None:
    """Raises Refused; what has been read of the request can be read again."""
    unknown = Refused(
        "the local AWS answers only to the keys of its own run: export all that `ftm local up` has printed"
    )
    headers: HTTPMessage = environ[_HEADERS]
    signed = _SIGNED.fullmatch(headers.get("Authorization", ""))
    if signed is None or not hmac.compare_digest(signed["key"].encode(), endpoint.access_key_id.encode()):
        raise unknown
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    url = f"http://{headers['Host']}{environ['REQUEST_URI']}"
    expected = _signature(AWSRequest(environ["REQUEST_METHOD"], url, data=body), headers, signed, endpoint)
    if not hmac.compare_digest(signed["signature"].encode(), expected.encode()):
        raise unknown
    stated = headers.get("X-Amz-Content-SHA256", "")
    if len(stated) == sha256().digest_size * 2 and stated != sha256(body).hexdigest():
        raise Refused("the body of this request is not the one that was signed")


def _signature(request: AWSRequest, headers: HTTPMessage, signed: re.Match[str], endpoint: Endpoint) -> str:
    """What the request's signature has to be; ``headers`` are all that were sent."""
    request.headers = HTTPHeaders()
    for name in signed["headers"].split(";"):
        for value in headers.get_all(name, []):
            request.headers.add_header(name, value)
    request.context["timestamp"] = headers.get("X-Amz-Date", "")
    kind = _S3Signer if signed["service"] == "s3" else _Signer
    signer = kind(Credentials(endpoint.access_key_id, endpoint.secret_access_key), signed["service"], signed["region"])
    canonical_request = signer.canonical_request(request)
    return str(signer.signature(signer.string_to_sign(request, canonical_request), request))


def _answer(refused: Refused, content_type: str) -> Response:
    """An error as clients of AWS read it, whatever the service speaks; without a header that lets pages read it."""
    code, message = "InvalidClientTokenId", str(refused)
    if "json" in content_type:
        body = json.dumps({"__type": code, "message": message})
    else:
        error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        content_type, body = "text/xml", f"<ErrorResponse><Errors>{error}</Errors>{error}</ErrorResponse>"
    return Response(body, status=403, content_type=content_type, headers={"x-amzn-errortype": code})
