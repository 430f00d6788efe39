"""What a job is told through its environment, checked before anything is read or written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from cloud.src.contract import keys
from cloud.src.contract.errors import InvalidInput
from cloud.src.models import packaged_models
from cloud.src.topics import find_topics

# When a theme is valid.
MIN_FIRMS, MAX_FIRM_DOMINANCE = 2, 0.4


class WorkerSettings(BaseSettings):
    """Environment of every job; field ``s3_bucket`` is the variable ``S3_BUCKET``, and so on."""

    s3_bucket: str
    embedding_model: str = packaged_models.EMBEDDING
    embedding_threads: int = Field(default=0, ge=0)  # 0: one per core
    ftm_commit: str = "unknown"  # that the image was built from
    deployed_commit: str = "unknown"  # that the deployment means to run
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("s3_bucket")
    @classmethod
    def _bucket(cls, value: str) -> str:
        return keys.check_bucket(value)


class JobSettings(WorkerSettings):
    """What the environment tells the jobs of an execution of a quarter."""

    quarter: str
    manifest_key: str

    @field_validator("quarter")
    @classmethod
    def _quarter(cls, value: str) -> str:
        return keys.check_quarter(value)


class MapSettings(JobSettings):
    """What the environment tells a map job."""

    batch_id: str
    topic_naming: Literal["llm", "keywords"] = "llm"
    checkpoint_interval: int = Field(default=50, ge=1, le=50)  # firms per part
    min_topics: int = Field(default=1, ge=1)  # per firm
    job_stops_after_s: float | None = Field(default=None, ge=0)  # begins no firm later than this; None: no limit
    max_topics: int = Field(default=find_topics.MAX_TOPICS, ge=1)  # per firm

    @model_validator(mode="after")
    def _topic_bounds(self) -> MapSettings:
        if self.min_topics > self.max_topics:
            raise ValueError(f"MIN_TOPICS {self.min_topics} is more than MAX_TOPICS {self.max_topics}")
        return self


class ReduceSettings(JobSettings):
    """What the environment tells the reduce job."""

    min_firms: int = Field(default=MIN_FIRMS, ge=1)
    max_firm_dominance: float = Field(default=MAX_FIRM_DOMINANCE, gt=0, le=1)
    theme_naming: Literal["llm", "keywords"] = "llm"
    theme_naming_limit_s: float | None = Field(default=None, ge=0)  # None: 180 of the small model, no limit of others
    stability: bool = True  # five reruns: the longest step of a large quarter


class PanelSettings(WorkerSettings):
    """What the environment tells the panel job.

    ``QUARTERS`` has a space between two quarters. ``THEMES_FROM`` is an earlier quarter, or ``joint`` for themes found
    in all quarters together: then the field is None.
    """

    quarters: Annotated[list[str], NoDecode]
    panel_name: str
    themes_from: str | None = None
    min_firms: int = Field(default=MIN_FIRMS, ge=1)
    max_firm_dominance: float = Field(default=MAX_FIRM_DOMINANCE, gt=0, le=1)

    @field_validator("quarters", mode="before")
    @classmethod
    def _quarters(cls, value: str) -> list[str]:
        if not value.split():
            raise ValueError("there is no quarter in it")
        return [keys.check_quarter(quarter) for quarter in value.split()]

    @field_validator("panel_name")
    @classmethod
    def _panel_name(cls, value: str) -> str:
        return keys.check_panel(value)

    @field_validator("themes_from", mode="before")
    @classmethod
    def _themes_from(cls, value: str) -> str | None:
        return None if value == keys.JOINT else keys.check_quarter(value)


Settings = TypeVar("Settings", bound=WorkerSettings)


def from_environment(kind: type[Settings], **known: str) -> Settings:
    """Read the settings; raise InvalidInput naming every variable that is missing or wrong.

    ``known``: fields that are not looked for in the environment.
    """
    try:
        return kind(**cast(dict[str, Any], known))
    except ValidationError as error:
        # What is wrong between two variables stands at none of them.
        problems = [": ".join([*map(str.upper, map(str, e["loc"])), e["msg"]]) for e in error.errors()]
        raise InvalidInput("the job's environment is wrong: " + "; ".join(problems)) from error
