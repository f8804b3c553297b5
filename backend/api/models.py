from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import example_response, problem_responses
from backend.api.paging import Page, PageParams, page_by_name
from backend.dependencies import ResourcesDep
from backend.errors import InvalidInput
from llm.catalog import ModelInfo
from llm.factory import ModelFactory
from llm.wrappers.breaker import State

router = APIRouter(prefix="/api/v1", tags=["models"])


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ModelCapabilities(_Camel):
    tools: bool
    vision: bool
    json_schema: bool
    reasoning: bool


class ModelPrice(_Camel):
    """Dollars per million tokens."""

    input: Decimal
    output: Decimal


class Model(_Camel):
    id: str = Field(examples=["embedded:smollm2"], description="What `forwardedProps.model` takes.")
    provider: str = Field(examples=["embedded"])
    name: str = Field(examples=["smollm2"])
    available: bool = Field(description="Whether it may be called now: false while its breaker is open.")
    breaker: State
    capabilities: ModelCapabilities
    context_length: int | None = Field(None, description="Tokens; absent where nobody says.", examples=[8192])
    price: ModelPrice | None = Field(None, description="Absent where nobody says.")


class Profile(_Camel):
    name: str = Field(examples=["chat"])
    models: list[str] = Field(examples=[["embedded:smollm2"]], description="Best first.")


class ModelList(Page[Model]):
    profiles: list[Profile]


_EXAMPLE = {
    "items": [
        {
            "id": "embedded:smollm2",
            "provider": "embedded",
            "name": "smollm2",
            "available": True,
            "breaker": "closed",
            "capabilities": {"tools": False, "vision": False, "jsonSchema": True, "reasoning": False},
            "contextLength": 8192,
        }
    ],
    "profiles": [{"name": "chat", "models": ["embedded:smollm2"]}],
}


@router.get(
    "/models",
    summary="List models",
    response_model_exclude_none=True,
    responses={**example_response(_EXAMPLE), **problem_responses(InvalidInput)},
)
async def list_models(resources: ResourcesDep, params: Annotated[PageParams, Query()]) -> ModelList:
    profiles = await resources.models.profiles()
    found = page_by_name(await resources.models.models(), params, lambda info: str(info.spec))
    return ModelList(
        items=[await _entry(info, resources.models) for info in found.items],
        next_cursor=found.next_cursor,
        profiles=[Profile(name=name, models=[str(spec) for spec in specs]) for name, specs in profiles.items()],
    )


async def _entry(info: ModelInfo, models: ModelFactory) -> Model:
    breaker, price = await models.breaker(info), models.price(info)
    return Model(
        id=str(info.spec),
        provider=info.spec.provider,
        name=info.spec.name,
        available=breaker != "open",
        breaker=breaker,
        capabilities=ModelCapabilities(
            tools=info.tools, vision=info.vision, json_schema=info.json_schema, reasoning=info.reasoning
        ),
        context_length=models.context_length(info),
        price=ModelPrice(input=price.input, output=price.output) if price else None,
    )
