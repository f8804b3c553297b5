import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM
from pydantic import BaseModel, ValidationError

from llm.factory import ModelChain
from observability.logs import get_logger

_log = get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_RETRY_MESSAGE = "That is no such object: {error}. Answer with the JSON object and nothing else."
_PLAIN = "\n\nAnswer with one JSON object of this schema and nothing else:\n{schema}"


async def ask_structured(models: ModelChain, asked: Sequence[BaseMessage], schema: type[M]) -> M | None:
    """What the model decides, as an object of that schema; `None` where it gives none, asked twice, or takes too long.

    A model that can keep to a schema is bound to it; of any other the object is read out of its words.
    """
    messages = list(asked) if models.info.json_schema else _with_schema(asked, schema)
    try:
        # Stopped from here, a call says nothing of its provider's health: slow is not ill.
        async with asyncio.timeout(models.decision_timeout):
            for _ in range(2):
                said = await _ask_plain(models, messages, schema)
                try:
                    return schema.model_validate_json(_parse_object(said))
                except ValidationError as error:
                    again = _RETRY_MESSAGE.format(error="; ".join(_validation_errors(error)))
                    messages = [*messages, AIMessage(said), HumanMessage(again)]
    except TimeoutError:
        _log.warning("decision_timed_out", model=str(models.info.spec), schema=schema.__name__)
    return None


async def _ask_plain(models: ModelChain, messages: Sequence[BaseMessage], schema: type[BaseModel]) -> str:
    model = models.model
    kept = {"type": "json_schema", "json_schema": {"name": schema.__name__, "schema": schema.model_json_schema()}}
    asked = model.bind(response_format=kept) if models.info.json_schema else model
    # It is not an answer to anybody.
    config: RunnableConfig = {"tags": [TAG_NOSTREAM]}
    async with aclosing(asked.astream(list(messages), config)) as answer:  # type: ignore[type-var]  # a generator
        return "".join([chunk.text async for chunk in answer])


def _with_schema(asked: Sequence[BaseMessage], schema: type[BaseModel]) -> list[BaseMessage]:
    head, *rest = asked
    wanted = _PLAIN.format(schema=json.dumps(schema.model_json_schema()))
    return [head.model_copy(update={"content": f"{head.text}{wanted}"}), *rest]


def _parse_object(said: str) -> str:
    found = _OBJECT.search(said)
    return found[0] if found else said


def _validation_errors(error: ValidationError) -> list[str]:
    told = error.errors(include_url=False, include_input=False, include_context=False)
    return [": ".join(filter(None, [".".join(map(str, fault["loc"])), fault["msg"]])) for fault in told[:5]]
