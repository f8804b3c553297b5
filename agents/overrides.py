"""What an operator sets for single agents, whoever wrote them: a TOML file with a table for each agent's id."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agents.base import BaseAgent
from graphs.quality.reviewer import DefaultReviewMode
from llm.settings import PROFILES


class InvalidOverrides(ValueError):
    """The file cannot be read, or sets what an agent does not have."""


class AgentOverrides(BaseModel):
    """`on_disconnect` as in `forwardedProps`; `profile` is the list of models that the agent takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on_disconnect: Literal["cancel", "continue"] | Annotated[float, Field(ge=0, le=86400)] | None = None
    profile: Annotated[str, Field(min_length=1)] | None = None
    review_mode: DefaultReviewMode | None = None
    rubric: Annotated[str, Field(min_length=1)] | None = None
    max_revisions: Annotated[int, Field(ge=0, le=5)] | None = None
    judge_timeout_seconds: Annotated[float, Field(gt=0, le=600)] | None = None


def read_overrides(file: Path | None) -> Mapping[str, AgentOverrides]:
    """Raises `InvalidOverrides`."""
    if file is None:
        return {}
    try:
        return TypeAdapter(dict[str, AgentOverrides]).validate_python(tomllib.loads(file.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidOverrides(f"{str(file)!r} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidOverrides(f"{str(file)!r}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def apply_overrides(agents: Iterable[BaseAgent], overrides: Mapping[str, AgentOverrides]) -> None:
    """Set what is set, agent by agent. Raises `InvalidOverrides`."""
    known = {agent.id: agent for agent in agents}
    for agent_id, told in overrides.items():
        if (agent := known.get(agent_id)) is None:
            raise InvalidOverrides(f"The agent {agent_id!r} is not served; there are: {', '.join(known)}")
        if told.profile is not None and told.profile not in PROFILES:
            raise InvalidOverrides(
                f"The agent {agent_id!r}: there is no profile {told.profile!r}: {', '.join(PROFILES)}"
            )
        reviews = {"review_mode", "rubric", "max_revisions", "judge_timeout_seconds"} & told.model_fields_set
        if reviews and agent.review_mode is None:
            raise InvalidOverrides(
                f"The agent {agent_id!r} has no review step: {', '.join(sorted(reviews))} cannot be set"
            )
        if agent.review_only and told.review_mode is not None:
            raise InvalidOverrides(f"The agent {agent_id!r} does nothing but review: review_mode cannot be set")
        for name, value in told.model_dump(exclude_none=True).items():
            setattr(agent, name, value)
