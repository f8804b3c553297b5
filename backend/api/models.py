from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from backend.api.examples import answers, shown
from backend.api.paging import Page, Part, within
from backend.dependencies import Has
from backend.errors import InvalidInput
from llm.catalog import ModelInfo
from llm.factory import ModelFactory
from llm.layers.breaker import State

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


class ModelEntry(_Camel):
    spec: str = Field(examples=["embedded:smollm2"], description="What `forwardedProps.model` takes.")
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


class ModelList(Page[ModelEntry]):
    profiles: list[Profile]


_EXAMPLE = {
    "items": [
        {
            "spec": "embedded:smollm2",
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
    summary="The models there are",
    response_model_exclude_none=True,
    responses={**shown(_EXAMPLE), **answers(InvalidInput)},
)
async def list_models(has: Has, part: Annotated[Part, Query()]) -> ModelList:
    profiles = await has.models.profiles()
    found = within(await has.models.catalogue(), part, lambda info: str(info.spec))
    return ModelList(
        items=[await _entry(info, has.models) for info in found.items],
        next_cursor=found.next_cursor,
        profiles=[Profile(name=name, models=[str(spec) for spec in specs]) for name, specs in profiles.items()],
    )


async def _entry(info: ModelInfo, models: ModelFactory) -> ModelEntry:
    breaker, price = await models.breaker(info), models.price(info)
    return ModelEntry(
        spec=str(info.spec),
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
