"""An object instead of a message, from whichever vendor is there."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, SecretStr

from graphs.structured import ask_structured
from llm.errors import CapabilityUnsupported
from llm.factory import ModelFactory
from llm.settings import ModelSettings
from tests.loopback import Cut, Loopback, Reply, server_error

ASKED = [HumanMessage("Where is the Louvre?")]


class City(BaseModel):
    """A city."""

    name: str
    country: str


PARIS = '{"name": "Paris", "country": "France"}'


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture
async def factory(loopback: Loopback) -> AsyncIterator[ModelFactory]:
    made = ModelFactory(
        ModelSettings(
            openai_api_key=SecretStr("a-key-for-tests"),
            openai_base_url=loopback.openai_url,
            ollama_base_url=loopback.ollama_url,
            chat=("openai:loop", "ollama:loop"),
            retry_max_attempts=1,
        )
    )
    await made.start()
    yield made
    await made.aclose()


def _schema(body: Mapping[str, Any]) -> Any:
    return body["response_format"]["json_schema"]["schema"] if "response_format" in body else body["format"]


@pytest.mark.parametrize("model", ["openai:loop", "ollama:loop"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_is_an_object_of_the_schema(
    factory: ModelFactory, loopback: Loopback, model: str, *, streamed: bool
) -> None:
    loopback.say(Reply(PARIS))
    asked = (await factory.select(model=model)).model.with_structured_output(City)
    if streamed:
        found = [city async for city in asked.astream(ASKED)][-1]
    else:
        found = await asked.ainvoke(ASKED)
    assert found == City(name="Paris", country="France")
    bodies = [call.request.body for call in loopback.calls if call.request.body.get("messages")]
    schema = _schema(bodies[-1])
    assert set(schema["properties"]) == {"name", "country"}


async def test_a_schema_in_json_gives_dicts(factory: ModelFactory, loopback: Loopback) -> None:
    loopback.say(Reply(PARIS))
    schema = {"title": "City", "description": "A city.", "type": "object", "properties": {"name": {"type": "string"}}}
    asked = (await factory.select()).model.with_structured_output(schema)
    assert await asked.ainvoke(ASKED) == {"name": "Paris", "country": "France"}


@pytest.mark.parametrize("fault", [server_error(), Cut(3, Reply(PARIS))])
async def test_where_one_fails_another_is_asked_for_all_of_it(
    factory: ModelFactory, loopback: Loopback, fault: Any
) -> None:
    loopback.say(fault, Reply(PARIS))
    asked = (await factory.select()).model.with_structured_output(City)
    assert [city async for city in asked.astream(ASKED)] == [City(name="Paris", country="France")]


async def test_what_is_no_such_object_is_an_error_or_is_told_beside_the_answer(
    factory: ModelFactory, loopback: Loopback
) -> None:
    loopback.answer(lambda _: Reply("I would rather not."))
    model = (await factory.select()).model
    with pytest.raises(OutputParserException):
        await model.with_structured_output(City).ainvoke(ASKED)
    told: Any = await model.with_structured_output(City, include_raw=True).ainvoke(ASKED)
    assert told["raw"].text == "I would rather not."
    assert told["parsed"] is None
    assert isinstance(told["parsing_error"], OutputParserException)


async def test_a_model_that_keeps_to_no_schema_is_not_asked(tmp_path: Any) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"models": {"actor": {"replies": [{"text": "Hi"}]}}}')
    made = ModelFactory(ModelSettings(scripted_model_file=script, ollama_base_url="http://127.0.0.1:1"))
    await made.start()
    asked = (await made.select(model="scripted:actor")).model.with_structured_output(City)
    with pytest.raises(CapabilityUnsupported, match="keep to a schema"):
        await asked.ainvoke(ASKED)
    await made.aclose()


@pytest.mark.parametrize("model", ["openai:loop", "ollama:loop"])
async def test_a_decision_has_the_time_of_a_stream_and_a_limit_of_its_own(loopback: Loopback, model: str) -> None:
    settings = ModelSettings(
        openai_api_key=SecretStr("a-key-for-tests"),
        openai_base_url=loopback.openai_url,
        ollama_base_url=loopback.ollama_url,
        # Less than the whole of the decision takes, and more than its beginning.
        first_token_timeout_seconds=1.5,
        decision_timeout_seconds=60,
        retry_max_attempts=1,
        breaker_failures=1,
    )
    made = ModelFactory(settings)
    await made.start()
    models = await made.select(model=model)
    loopback.say(Reply(pieces=tuple(PARIS[at : at + 6] for at in range(0, len(PARIS), 6)), delay=0.3))
    assert await ask_structured(models, ASKED, City) == City(name="Paris", country="France")
    # Slow is not broken: who answers people is not taken out of service for it.
    loopback.say(Reply(pieces=tuple(PARIS), delay=30))
    assert await ask_structured(replace(models, decision_timeout=0.5), ASKED, City) is None
    assert await made.breaker(models.info) == "closed"
    assert (await models.model.ainvoke(ASKED)).text
    await made.aclose()
