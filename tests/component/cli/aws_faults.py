"""Puts a local AWS into states that moto does not know: each faked answer has the shape that botocore documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from cloud.src.cli.aws.account import Account


class FaultyClient:
    """A client of which some operations give faked answers, or errors; ``answers`` has them by method."""

    def __init__(self, client: Any, answers: Mapping[str, Any]) -> None:
        self._client = client
        for method, answer in answers.items():
            if not isinstance(answer, Exception):
                check_answer(client, method, answer)
            setattr(self, method, _answering(answer))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class FaultySession:
    """A session that gives such clients; ``faults``: service -> method -> answer."""

    def __init__(self, session: Any, faults: Mapping[str, Mapping[str, Any]]) -> None:
        self._session, self._faults = session, faults
        self.region_name = session.region_name

    def client(self, service: str) -> Any:
        """The client, with its faults."""
        return FaultyClient(self._session.client(service), self._faults.get(service, {}))


def _answering(answer: Any) -> Callable[..., Any]:
    def method(**_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return method


def refusal(code: str) -> ClientError:
    """What boto3 raises when AWS answers with this error."""
    return ClientError({"Error": {"Code": code, "Message": f"AWS says {code}"}}, "Operation")


def check_answer(client: Any, method: str, answer: dict[str, Any]) -> None:
    """Fail when AWS would not answer in this shape."""
    operation = client.meta.method_to_api_mapping[method]
    service = botocore.session.get_session().get_service_model(client.meta.service_model.service_name)
    shape: Any = service.operation_model(operation).output_shape
    report = ParamValidator().validate(answer, shape)
    assert not report.has_errors(), report.generate_report()


def faulty(account: Account, faults: Mapping[str, Mapping[str, Any]], endpoint: str = "") -> Account:
    """The account with faults; without an endpoint it is taken for AWS itself, which has tasks and targets."""
    return Account(FaultySession(account.session, faults), endpoint)
