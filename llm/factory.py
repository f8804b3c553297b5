import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from time import monotonic

from langchain_core.language_models import BaseChatModel

from llm.breaker import Breaker, BreakerSettings, Guarded, State
from llm.catalog import ModelInfo, Provider
from llm.deadlines import Deadlines, Limits
from llm.errors import NoModel, UnknownModel, UnknownProfile
from llm.fallback import Fallback, Link
from llm.retry import Retried, RetryBudget, RetrySettings
from llm.scripted import Script
from llm.settings import ModelSettings
from llm.spec import ModelSpec

# Each vendor's SDK costs half a second to import: the service is ready before they are, and each is loaded once,
# beside the first requests.
VENDORS: Mapping[str, str] = {
    "openai": "llm.openai",
    "ollama": "llm.ollama",
    "embedded": "llm.embedded.provider",
    "scripted": "llm.scripted",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a run may call: a list of models that answers as one, the first's name, and what they can do together."""

    info: ModelInfo
    model: BaseChatModel


class ModelFactory:
    """Chat models from spec strings, over the providers that the settings name."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._providers: dict[str, Provider] = {}
        # Each model's own layers, kept: a breaker and a budget remember.
        self._links: dict[ModelInfo, Retried] = {}
        self._breakers: dict[ModelInfo, Breaker] = {}
        self._loading: asyncio.Task[None] | None = None
        # What each provider serves, asked for the first time; and then again and again.
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to load the vendors and to ask what they serve. A call waits for no more of it than it needs.

        Raises `BadScript`.
        """
        if self._settings.script:
            await asyncio.to_thread(Script.read, self._settings.script)
        self._loading = asyncio.create_task(self._load(), name="models")

    async def _load(self) -> None:
        for vendor in _named(self._settings):
            provider = await asyncio.to_thread(_provider, vendor, self._settings)
            self._providers[vendor] = provider
            self._asked[vendor] = asyncio.create_task(provider.refresh(), name=f"models of {vendor}")
            self._watching.append(asyncio.create_task(_watch(provider), name=f"watch {vendor}"))

    async def loaded(self) -> None:
        """Comes back when every vendor is there; what they serve may not be known yet."""
        if self._loading is None:
            raise RuntimeError("The model factory was not started")
        await asyncio.shield(self._loading)

    async def _all_asked(self) -> None:
        await self.loaded()
        await asyncio.shield(asyncio.gather(*self._asked.values()))

    async def candidate(self, *, model: str | None = None, profile: str = "chat") -> Candidate:
        """The model asked for, or else the first of the profile that is there.

        Raises `UnknownModel`, `UnknownProfile` or `NoModel`.
        """
        await self.loaded()
        if model:
            return self._candidate([await self._wanted(model)])
        return self._candidate(await self._of_profile(profile))

    def _candidate(self, specs: Sequence[ModelSpec]) -> Candidate:
        links = tuple(self._link(spec) for spec in specs)
        info = replace(links[0].info, tools=any(link.info.tools for link in links))
        return Candidate(info, Fallback(inner=links[0].model, links=links, attempts=self._settings.retry_attempts))

    def _link(self, spec: ModelSpec) -> Link:
        """One model with everything around it that is its own: the order of the layers is decided here."""
        provider, settings = self._providers[spec.provider], self._settings
        info = provider.info(spec.name)
        if info not in self._links:
            named = {"provider": spec.provider, "model": spec.name}
            limits = Limits(settings.first_token_timeout, settings.gap_timeout, settings.total_timeout)
            breaker = Breaker(BreakerSettings(settings.breaker_failures, settings.breaker_seconds), monotonic)
            timed = Deadlines(inner=provider.chat_model(spec.name), limits=limits, **named)
            guarded = Guarded(inner=timed, breaker=breaker, **named)
            retries = RetrySettings(
                attempts=settings.retry_attempts,
                wait_least=settings.retry_wait_least,
                wait_most=settings.retry_wait_most,
                share=settings.retry_share,
            )
            self._breakers[info] = breaker
            self._links[info] = Retried(inner=guarded, settings=retries, budget=RetryBudget(settings.retry_share))
        return Link(info, self._links[info])

    async def _wanted(self, model: str) -> ModelSpec:
        vendor = model.partition(":")[0]
        if vendor in self._asked:
            await asyncio.shield(self._asked[vendor])
        return self._checked(model)

    def _checked(self, asked: str) -> ModelSpec:
        try:
            spec = ModelSpec.parse(asked)
        except ValueError:
            raise UnknownModel(asked, self._near(asked)) from None
        if not self._serves_it(spec):
            raise UnknownModel(asked, self._near(asked))
        return spec

    def _near(self, asked: str) -> tuple[str, ...]:
        known = {str(info.spec): str(info.spec) for info in self._known()}
        known |= {info.spec.name: str(info.spec) for info in self._known()}
        close = difflib.get_close_matches(asked, known, n=5, cutoff=0.4)
        return tuple(dict.fromkeys(known[name] for name in close))

    async def _of_profile(self, profile: str) -> Sequence[ModelSpec]:
        if profile != "chat":
            raise UnknownProfile(profile, ("chat",))
        # Who may be there and has not answered yet: a list made without it would have nobody to fall back to.
        unknown = [vendor for vendor, _ in self._chat() if vendor in self._asked and not self._providers[vendor].there]
        await asyncio.gather(*(asyncio.shield(self._asked[vendor]) for vendor in unknown))
        there = self._all_there()
        if not there:
            raise NoModel(profile)
        return there

    def _chat(self) -> Sequence[tuple[str, str | None]]:
        """The `chat` profile, best first: vendors and names; `None` for the one that a vendor puts first itself."""
        if self._settings.chat:
            return [(spec.provider, spec.name) for spec in map(ModelSpec.parse, self._settings.chat)]
        return [(vendor, None) for vendor in self._providers]

    def _there(self, vendor: str, name: str | None) -> ModelSpec | None:
        provider = self._providers.get(vendor)
        if provider is None or not provider.there:
            return None
        if name is None:
            # What an operator has set as a vendor's model is tried even where the vendor does not list it.
            return ModelSpec(vendor, provider.default) if provider.default else None
        return ModelSpec(vendor, name) if _serves(provider, name) else None

    def _all_there(self) -> Sequence[ModelSpec]:
        there = [self._there(vendor, name) for vendor, name in self._chat()]
        return [spec for spec in there if spec is not None]

    def _serves_it(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and _serves(provider, spec.name)

    def _known(self) -> list[ModelInfo]:
        return [info for provider in self._providers.values() for info in provider.models or ()]

    async def catalogue(self) -> Sequence[ModelInfo]:
        await self._all_asked()
        return self._known()

    def breaker(self, info: ModelInfo) -> State:
        """The state of a model's breaker; one that was never called has a closed one."""
        return self._breakers[info].state if info in self._breakers else "closed"

    async def profiles(self) -> Mapping[str, Sequence[ModelSpec]]:
        await self._all_asked()
        return {"chat": self._all_there()}

    async def aclose(self) -> None:
        tasks = [task for task in (self._loading, *self._asked.values(), *self._watching) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for provider in self._providers.values():
            await provider.aclose()


def _named(settings: ModelSettings) -> Sequence[str]:
    asked = {"ollama": True, "embedded": True, "openai": settings.openai_api_key, "scripted": settings.script}
    return [vendor for vendor in VENDORS if asked[vendor]]


def _provider(vendor: str, settings: ModelSettings) -> Provider:
    built: Provider = import_module(VENDORS[vendor]).provider(settings)
    return built


def _serves(provider: Provider, name: str) -> bool:
    models = provider.models
    return models is None or any(name in (info.spec.name, info.spec.name.removesuffix(":latest")) for info in models)


async def _watch(provider: Provider) -> None:
    while True:
        await asyncio.sleep(provider.refresh_seconds)
        await provider.refresh()
