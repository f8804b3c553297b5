"""How OpenAPI describes what a route answers, and what it answers when it does not do what was asked."""

from typing import Any

from pydantic import BaseModel, Field

from backend.errors import MEDIA_TYPE, Problem


class FieldError(BaseModel):
    field: str = Field(examples=["messages.0.content"])
    message: str = Field(examples=["Input should be a valid string"])


class ProblemBody(BaseModel):
    """RFC 9457. `code` is stable; docs/errors.md says what to do about each."""

    type: str = Field(examples=["urn:agenkit:problem:unknown_agent"])
    title: str = Field(examples=["There is no such agent"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["Unknown agent 'chatt'."])
    code: str = Field(examples=["unknown_agent"])
    errors: list[FieldError] | None = None


def shown(example: Any) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route whose answer looks like this."""
    return {200: {"content": {"application/json": {"example": example}}}}


def answers(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for a route that may answer these."""
    told: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = told.setdefault(
            problem.status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}, "model": ProblemBody}
        )
        entry["description"] = "; ".join(filter(None, [entry["description"], problem.title]))
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {
            "value": {
                "type": f"urn:agenkit:problem:{problem.code}",
                "title": problem.title,
                "status": problem.status,
                "detail": problem.title + ".",
                "code": problem.code,
            }
        }
    return told
