from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

Tools = Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool]


class ModelWrapper(BaseChatModel):
    """A chat model around another: what it adds is in the two methods that it overrides.

    It calls the inner model's own `_astream` and `_agenerate`, so that a layer costs no callbacks. Tools travel in
    OpenAI's form, which every vendor module takes.
    """

    inner: BaseChatModel

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop, **kwargs)

    def bind_tools(self, tools: Tools, *, tool_choice: str | None = None, **kwargs: Any) -> Runnable[Any, Any]:
        told = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=told, **({"tool_choice": _choice(tool_choice)} if tool_choice else {}), **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["json_schema"] = "json_schema",
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """An object of that schema instead of a message: a pydantic class gives its instances, anything else dicts.

        The schema goes along as OpenAI's `response_format`, which every vendor module takes; a model that cannot keep
        to one is never asked. Raises `OutputParserException` where the answer is no such object; with `include_raw`
        the answer is a dict of `raw`, `parsed` and `parsing_error` instead.
        """
        function = convert_to_openai_tool(schema, strict=strict)["function"]
        described = {"name": function["name"], "schema": function["parameters"]}
        if strict is not None:
            described["strict"] = strict
        asked = self.bind(
            response_format={"type": "json_schema", "json_schema": described},
            ls_structured_output_format={"kwargs": {"method": method}, "schema": schema},
            **kwargs,
        )
        parser: BaseOutputParser[Any] = JsonOutputParser()
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            parser = PydanticOutputParser(pydantic_object=schema)
        if not include_raw:
            return asked | parser
        parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
        unparsed = RunnablePassthrough.assign(parsed=lambda _: None)
        return RunnableMap(raw=asked) | parsed.with_fallbacks([unparsed], exception_key="parsing_error")

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async with aclosing(self.inner._astream(messages, stop, **kwargs)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                yield chunk

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await self.inner._agenerate(messages, stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("Models of the factory are asynchronous only: await their ainvoke or astream.")


def _choice(asked: str) -> str | dict[str, Any]:
    if asked in {"auto", "none", "required"}:
        return asked
    return "required" if asked == "any" else {"type": "function", "function": {"name": asked}}
