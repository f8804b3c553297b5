import json
import re
from collections.abc import Sequence
from typing import TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.constants import TAG_NOSTREAM
from pydantic import BaseModel, ValidationError

from llm.factory import Candidate

M = TypeVar("M", bound=BaseModel)

_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_AGAIN = "That is no such object: {error}. Answer with the JSON object and nothing else."
_PLAIN = "\n\nAnswer with one JSON object of this schema and nothing else:\n{schema}"


async def decided(candidate: Candidate, asked: Sequence[BaseMessage], schema: type[M]) -> M | None:
    """What the model decides, as an object of that schema; `None` where it gives none, asked twice.

    A model that can keep to a schema is bound to it; of any other the object is read out of its words.
    """
    messages = list(asked) if candidate.info.json_schema else _spelled(asked, schema)
    for _ in range(2):
        said = await _said(candidate, messages, schema)
        try:
            return schema.model_validate_json(_object(said))
        except ValidationError as error:
            again = _AGAIN.format(error="; ".join(_faults(error)))
            messages = [*messages, AIMessage(said), HumanMessage(again)]
    return None


async def _said(candidate: Candidate, messages: Sequence[BaseMessage], schema: type[BaseModel]) -> str:
    model = candidate.model
    kept = {"type": "json_schema", "json_schema": {"name": schema.__name__, "schema": schema.model_json_schema()}}
    asked = model.bind(response_format=kept) if candidate.info.json_schema else model
    # It is not an answer to anybody.
    answer = await asked.ainvoke(list(messages), {"tags": [TAG_NOSTREAM]})
    return answer.text


def _spelled(asked: Sequence[BaseMessage], schema: type[BaseModel]) -> list[BaseMessage]:
    head, *rest = asked
    wanted = _PLAIN.format(schema=json.dumps(schema.model_json_schema()))
    return [head.model_copy(update={"content": f"{head.text}{wanted}"}), *rest]


def _object(said: str) -> str:
    found = _OBJECT.search(said)
    return found[0] if found else said


def _faults(error: ValidationError) -> list[str]:
    told = error.errors(include_url=False, include_input=False, include_context=False)
    return [": ".join(filter(None, [".".join(map(str, fault["loc"])), fault["msg"]])) for fault in told[:5]]
