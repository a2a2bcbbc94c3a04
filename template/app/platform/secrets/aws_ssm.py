"""Secrets in AWS Systems Manager: the parameters under a path, encrypted by KMS."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cached_property
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
)
from pydantic import HttpUrl, field_validator

from app.platform.configuration import Refusal, authorities
from app.platform.secrets import (
    Held,
    NoAnswerError,
    NotReadError,
    Secrets,
    SecretsSettings,
    shared,
)

PATH = re.compile(r"(/[\w.-]+)*")
THROTTLED = {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
REFUSALS = range(400, 500)


class AwsSsmSecretsSettings(SecretsSettings):
    """
    `SECRETS__*` in the environment.

    Who asks, boto3 finds out as everywhere: from the task's, the pod's or the machine's
    role, or from `AWS_*`.
    """

    path: str = ""
    """What the parameters' names begin with: /shop/production, of which
    /shop/production/DATABASE__URL is one. Without it, nothing comes from there."""
    region: str = ""
    """Where they are, unless AWS_REGION says so."""
    endpoint_url: HttpUrl | None = None
    """Another address than the region's own: a stand-in, or an endpoint of a VPC."""

    @field_validator("path")
    @classmethod
    def _refuse_no_path(cls, path: str) -> str:
        if not PATH.fullmatch(path):
            raise ValueError("is no path such as /shop/production")
        return path

    def unsafe(self) -> Iterator[Refusal]:
        if self.endpoint_url is not None and self.endpoint_url.scheme != "https":
            yield Refusal("endpoint_url", "is not https://")

    @property
    def place(self) -> str:
        return self.path

    def opened(self) -> Secrets:
        return shared(AwsSsmSecrets, self)


class AwsSsmSecrets(Secrets):
    """
    Asks with boto3, on a thread: at start, once a minute, and when one is refused.

    pydantic-settings has a source for these parameters, too. It reads them once, and
    waits for minutes.
    """

    def __init__(self, settings: AwsSsmSecretsSettings) -> None:
        super().__init__(settings)
        self._ssm = settings

    def ask(self) -> Held:
        try:
            held = _in_time(self._pages, self._ssm.timeout_seconds)
        except (BotoCoreError, ClientError, TimeoutError, LookupError) as error:
            # What it says may quote what was answered.
            raise _said(error, self._ssm.place) from None
        if not held:
            sentence = f"no parameter begins with {self._ssm.place}/"
            raise NotReadError(f"SECRETS__PATH leads to nothing: {sentence}.")
        return held

    def _pages(self) -> Held:
        client = self._client
        try:
            pages = client.get_paginator("get_parameters_by_path").paginate(
                Path=self._ssm.path, WithDecryption=True
            )
            return {
                str(each["Name"]).removeprefix(f"{self._ssm.path}/"): str(each["Value"])
                for page in pages
                for each in page["Parameters"]
            }
        finally:
            # A worker's children do not share the connection of their parent.
            client.close()

    @cached_property
    def _client(self) -> Any:
        seconds = self._ssm.timeout_seconds
        return boto3.Session().client(
            "ssm",
            # boto3 itself asks for AWS_DEFAULT_REGION alone.
            region_name=self._ssm.region or os.environ.get("AWS_REGION"),
            endpoint_url=str(url) if (url := self._ssm.endpoint_url) else None,
            verify=authorities(),
            config=Config(
                connect_timeout=seconds,
                read_timeout=seconds,
                retries={"total_max_attempts": 1},
                proxies={},
            ),
        )


def _in_time(read: Callable[[], Held], seconds: float) -> Held:
    """Bound all of it: botocore would wait as long as something comes now and then."""
    outcome: Future[Held] = Future()

    def work() -> None:
        try:
            outcome.set_result(read())
        except Exception as error:
            # Whatever it is, it is for who waits, unless nobody does any more.
            outcome.set_exception(error)

    # A thread that hangs holds up no end of the process.
    Thread(target=work, daemon=True).start()
    return outcome.result(seconds)


def _said(error: Exception, place: str) -> NotReadError:
    """Say which setting is at fault; what the network does may be over soon."""
    reason = type(error).__name__
    if isinstance(error, ClientError):
        reason = error.response.get("Error", {}).get("Code", reason)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        sentence = f"SECRETS__PATH cannot be read: AWS says {reason} for {place}."
        passing = status not in REFUSALS or reason in THROTTLED
        return NoAnswerError(sentence) if passing else NotReadError(sentence)
    if isinstance(error, NoCredentialsError):
        sentence = "there are no credentials for AWS, neither a role's nor others"
        return NotReadError(f"SECRETS__PATH is {place}, but {sentence}.")
    if isinstance(error, NoRegionError):
        return NotReadError(f"SECRETS__REGION is missing, as AWS_REGION is: {place}.")
    return NoAnswerError(f"SECRETS__PATH gets no answer ({reason}) about {place}.")
