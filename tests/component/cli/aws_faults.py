"""Puts a local AWS into states that moto does not know: each faked answer has the shape that botocore documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from cloud.src.cli.aws.account import Account


class FaultyClient:
    """A client of which some operations give faked answers, or errors; ``answers`` has them by method.

    An answer may be a function of what is asked, and a list of answers, which are the pages of a paginator.
    """

    def __init__(self, client: Any, answers: Mapping[str, Any]) -> None:
        self._client = client
        for method, answer in answers.items():
            setattr(self, method, _answering(client, method, answer))
        self._faked = set(answers)

    def get_paginator(self, method: str) -> Any:
        """A paginator of the faked answers, or a real one."""
        if method not in self._faked:
            return self._client.get_paginator(method)

        def paginate(**asked: Any) -> list[Any]:
            pages = getattr(self, method)(**asked)
            return pages if isinstance(pages, list) else [pages]

        return SimpleNamespace(paginate=paginate)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class FaultySession:
    """A session that gives such clients; ``faults``: service -> method -> answer."""

    def __init__(self, session: Any, faults: Mapping[str, Mapping[str, Any]]) -> None:
        self._session, self._faults = session, faults
        self.region_name = session.region_name

    def client(self, service: str, **options: Any) -> Any:
        """The client, with its faults; those of a region by ``service@region``."""
        faults = self._faults.get(f"{service}@{options.get('region_name')}", self._faults.get(service, {}))
        return FaultyClient(self._session.client(service, **options), faults)


def _answering(client: Any, method: str, answer: Any) -> Callable[..., Any]:
    def called(**asked: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        given = answer(**asked) if callable(answer) else answer
        for page in given if isinstance(given, list) else [given]:
            check_answer(client, method, page)
        return given

    return called


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
