import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from langchain_core.language_models import BaseChatModel

from llm.catalog import ModelInfo, Provider
from llm.errors import NoModel, UnknownModel, UnknownProfile
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
    """A model that a run may call, and what is known of it."""

    info: ModelInfo
    model: BaseChatModel


class ModelFactory:
    """Chat models from spec strings, over the providers that the settings name."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._providers: dict[str, Provider] = {}
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
        spec = await self._wanted(model) if model else await self._first(profile)
        provider = self._providers[spec.provider]
        return Candidate(provider.info(spec.name), provider.chat_model(spec.name))

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
        if not self._is_there(spec):
            raise UnknownModel(asked, self._near(asked))
        return spec

    def _near(self, asked: str) -> tuple[str, ...]:
        known = {str(info.spec): str(info.spec) for info in self._known()}
        known |= {info.spec.name: str(info.spec) for info in self._known()}
        close = difflib.get_close_matches(asked, known, n=5, cutoff=0.4)
        return tuple(dict.fromkeys(known[name] for name in close))

    async def _first(self, profile: str) -> ModelSpec:
        if profile != "chat":
            raise UnknownProfile(profile, ("chat",))
        if (there := self._chat()) and there[0].provider == next(iter(self._providers)):
            # Whoever else may be there stands behind it.
            return there[0]
        await self._all_asked()
        there = self._chat()
        if not there:
            raise NoModel(profile)
        return there[0]

    def _chat(self) -> Sequence[ModelSpec]:
        if self._settings.chat:
            return [spec for spec in map(ModelSpec.parse, self._settings.chat) if self._is_there(spec)]
        there = [(vendor, self._providers[vendor].default) for vendor in VENDORS if vendor in self._providers]
        return [ModelSpec(vendor, default) for vendor, default in there if default]

    def _is_there(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and _serves(provider, spec.name)

    def _known(self) -> list[ModelInfo]:
        return [info for provider in self._providers.values() for info in provider.models or ()]

    async def catalogue(self) -> Sequence[ModelInfo]:
        await self._all_asked()
        return self._known()

    async def profiles(self) -> Mapping[str, Sequence[ModelSpec]]:
        await self._all_asked()
        return {"chat": self._chat()}

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
