import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from importlib import import_module
from types import ModuleType

from langchain_core.language_models import BaseChatModel

from llm.allowance import Allowance
from llm.cache.answers import Cached, Counted, ModelCache
from llm.cache.store import CacheStore
from llm.call_counter import CallCounter
from llm.catalog import Listed, ModelInfo, Price, Provider, Tokens
from llm.context import CallContext
from llm.embedding.embedder import embedder
from llm.errors import NoModel, Overloaded, UnknownModel, UnknownProfile
from llm.layers.admission import Admitted, Gate, GateSettings
from llm.layers.breaker import Breaker, BreakerSettings, BreakerStore, Circuit, Guarded, SharedBreaker, State
from llm.layers.budget import Books, Budget, Budgeted
from llm.layers.deadlines import Deadlines, Limits
from llm.layers.fallback import Fallback
from llm.layers.metering import Bill, CostOf, Metered
from llm.layers.pace import Pace
from llm.layers.retry import Retried, RetryBudget, RetrySettings
from llm.layers.turns import Link, Noticed
from llm.settings import PROFILES, ModelSettings
from llm.spec import CandidateLimits, CandidateSpec, ModelSpec
from llm.vendors.scripted import Script
from observability.logs import get_logger

_log = get_logger(__name__)

# Each vendor's SDK costs half a second to import: the service is ready before they are, and each is loaded once,
# beside the first requests.
VENDORS: Mapping[str, str] = {
    "openai": "llm.vendors.openai",
    "anthropic": "llm.vendors.anthropic",
    "ollama": "llm.vendors.ollama",
    "embedded": "llm.vendors.embedded.provider",
    "scripted": "llm.vendors.scripted",
}
_PRICES = "llm.prices"
_JUDGES = "judge"
# It is the smallest there is: its scores would be dice.
NEVER_JUDGES = "embedded"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a run may call: a list of models that answers as one, the first's name, and what they can do together."""

    info: ModelInfo
    model: BaseChatModel
    # Of the providers of its list, each once.
    gates: Sequence[Gate] = ()
    # Seconds that a step may take in which it decides something and answers nobody.
    decision_timeout: float = 180.0

    def check_room(self, tenant: str) -> None:
        """Raises `Overloaded` where no provider of the list could take a call of this tenant's now."""
        if self.gates and not any(gate.has_room(tenant) for gate in self.gates):
            raise Overloaded(
                "There is too much to do just now.", retry_after=min(gate.come_back_in for gate in self.gates)
            )


@dataclass(frozen=True, slots=True)
class Outside:
    """What a factory is given by whoever builds it: who is told of what was spent and of what happened, and where what
    it remembers is kept. Nobody has to listen; without a cache nothing is remembered.
    """

    bill: Bill = field(default=lambda spent, context: None)
    noticed: Noticed = field(default=lambda what, info, why: None)
    books: Books | None = None
    # What all replicas share: the states of breakers, and answers. Without it, each process keeps its own.
    breakers: BreakerStore | None = None
    cache: CacheStore | None = None
    counted: Counted = field(default=lambda operation, hit: None)
    # How long a call waited for its turn at a provider.
    waited: Callable[[str, float], None] = field(default=lambda provider, seconds: None)
    # Where to ask how many wait there now.
    queues: Callable[[str, Gate], None] = field(default=lambda provider, gate: None)


@dataclass(slots=True)
class _Kept:
    """What is remembered of one model from call to call."""

    breaker: Circuit
    budget: RetryBudget
    pace: Pace


class ModelFactory:
    """Chat models from spec strings, over the providers that the settings name."""

    def __init__(self, settings: ModelSettings, outside: Outside | None = None) -> None:
        self._settings = settings
        self._outside = outside or Outside()
        run = Allowance(settings.run_tokens, settings.run_cost)
        self._budget = Budget(run=run, allowances=settings.allowances, books=self._outside.books)
        self._answers = self._remembering()
        self._providers: dict[str, Provider] = {}
        self._gates: dict[str, Gate] = {}
        self._kept: dict[ModelSpec, _Kept] = {}
        self._links: dict[tuple[ModelInfo, CandidateLimits, int | None], Link] = {}
        # Why candidates of profiles are left out or put last.
        self._skipped: dict[ModelSpec, str] = {}
        self._prices: ModuleType | None = None
        self._loading: asyncio.Task[None] | None = None
        # What each provider serves, asked for the first time; and then again and again.
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._watching: list[asyncio.Task[None]] = []

    def _remembering(self) -> ModelCache | None:
        store, settings = self._outside.cache, self._settings.cache
        if store is None:
            return None
        meanings = embedder(settings.embedder, self._settings) if settings.semantic else None
        return ModelCache(settings, store, self._outside.counted, meanings)

    async def start(self) -> None:
        """Begins to load the vendors and to ask what they serve. A call waits for no more of it than it needs.

        Raises `BadScript`.
        """
        if self._settings.script:
            await asyncio.to_thread(Script.read, self._settings.script)
        self._loading = asyncio.create_task(self._load(), name="models")

    async def _load(self) -> None:
        self._prices = await asyncio.to_thread(import_module, _PRICES)
        for vendor in _named(self._settings):
            provider = await asyncio.to_thread(_provider, vendor, self._settings)
            self._providers[vendor] = provider
            gate = self._gates[vendor] = Gate(
                GateSettings(
                    in_flight=provider.in_flight or self._settings.calls_in_flight,
                    waiting=self._settings.calls_waiting,
                    patience=self._settings.call_patience,
                ),
                waited=partial(self._outside.waited, vendor),
            )
            self._outside.queues(vendor, gate)
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

    async def candidate(
        self, *, model: str | None = None, profile: str = "chat", without: str | None = None
    ) -> Candidate:
        """The model asked for, or else those of the profile that are there, but for one provider's.

        Raises `UnknownModel`, `UnknownProfile` or `NoModel`.
        """
        await self.loaded()
        if profile not in PROFILES:
            raise UnknownProfile(profile, PROFILES)
        specs = [CandidateSpec(await self._wanted(model))] if model else await self._of_profile(profile)
        kept = [spec for spec in specs if spec.model.provider != without]
        if not kept:
            raise NoModel(profile)
        return self._candidate(kept, self._settings.output(profile))

    async def judge(self, author: ModelSpec | None) -> Candidate | None:
        """Who reads what that model wrote: of another family where one is there, and never the embedded model.

        `None` where nobody is left.
        """
        await self.loaded()
        healthy = self._there(_JUDGES)
        asked = [judge for judge in (*healthy, *self._unhealthy(_JUDGES)) if judge.model.provider != NEVER_JUDGES]
        if not asked:
            return None
        family = author.family if author is not None else None
        apart = sorted(asked, key=lambda judge: (judge not in healthy, judge.model.family == family))
        return self._candidate(apart, self._settings.output(_JUDGES))

    def _candidate(self, specs: Sequence[CandidateSpec], output: int | None) -> Candidate:
        settings = self._settings
        links = tuple(self._link(spec, output) for spec in specs)
        info = replace(links[0].info, tools=any(link.info.tools for link in links))
        answering = Fallback(
            inner=links[0].model,
            links=links,
            total=settings.total_timeout,
            hedge=settings.hedge_quantile,
            noticed=self._outside.noticed,
        )
        gates = dict.fromkeys(self._gates[link.info.spec.provider] for link in links)
        model: BaseChatModel = Budgeted(inner=answering, budget=self._budget)
        if self._answers is not None:
            # Outside of the budget: what is known costs nothing.
            named = tuple(f"{link.info.spec}?output={link.output}" for link in links)
            model = Cached(inner=model, answers=self._answers, specs=named)
        return Candidate(info, model, tuple(gates), settings.decision_timeout_seconds)

    def _link(self, asked: CandidateSpec, output: int | None) -> Link:
        """One model with everything around it that is its own: the order of the layers is decided here."""
        spec, limits = asked.model, asked.limits
        told = self._providers[spec.provider].info(spec.name)
        info = replace(told, context_length=self.context_length(told))
        key = (info, limits, output)
        if key not in self._links:
            kept = self._remembered(info.spec)
            named = {"provider": spec.provider, "model": spec.name}
            timed = Deadlines(
                inner=self._providers[spec.provider].chat_model(spec.name), limits=self._limits(limits), **named
            )
            metered = Metered(inner=timed, info=info, cost=self._cost_of(info), bill=self._outside.bill, pace=kept.pace)
            guarded = Guarded(inner=metered, breaker=kept.breaker, **named)
            admitted = Admitted(inner=guarded, gate=self._gates[spec.provider])
            retries = self._retries(limits)
            self._links[key] = Link(
                info=info,
                model=Retried(
                    inner=admitted,
                    settings=retries,
                    budget=kept.budget,
                    retried=partial(self._outside.noticed, "retried", info),
                ),
                retries=retries,
                output=limits.output or output,
                pace=kept.pace,
            )
        return self._links[key]

    def _remembered(self, spec: ModelSpec) -> _Kept:
        if spec not in self._kept:
            settings = BreakerSettings(self._settings.breaker_failures, self._settings.breaker_seconds)
            store = self._outside.breakers
            breaker = SharedBreaker(str(spec), settings, store) if store else Breaker(settings)
            self._kept[spec] = _Kept(breaker, RetryBudget(self._settings.retry_share), Pace())
        return self._kept[spec]

    def _limits(self, own: CandidateLimits) -> Limits:
        settings = self._settings
        return Limits(
            first=own.first_token or settings.first_token_timeout,
            gap=own.gap or settings.gap_timeout,
            total=own.total or settings.total_timeout,
        )

    def _retries(self, own: CandidateLimits) -> RetrySettings:
        settings = self._settings
        return RetrySettings(
            attempts=own.attempts or settings.retry_attempts,
            wait_least=settings.retry_wait_least,
            wait_most=settings.retry_wait_most,
            share=settings.retry_share,
        )

    def _cost_of(self, info: ModelInfo) -> CostOf:
        def cost(tokens: Tokens) -> Decimal | None:
            if info.listed is None or self._prices is None:
                return None
            found: Decimal | None = self._prices.cost(info.listed, tokens)
            return found

        return cost

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

    async def _of_profile(self, profile: str) -> Sequence[CandidateSpec]:
        # Who may be there and has not answered yet: a list made without it would have nobody to fall back to.
        named = self._settings.profile(profile)
        vendors = {candidate.model.provider for candidate in named} or set(self._providers)
        unknown = [vendor for vendor in vendors if vendor in self._asked and not self._providers[vendor].there]
        await asyncio.gather(*(asyncio.shield(self._asked[vendor]) for vendor in unknown))
        candidates = [*self._there(profile), *self._unhealthy(profile)]
        self._log_skipped(profile, candidates)
        if not candidates:
            raise NoModel(profile)
        return candidates

    def _there(self, profile: str) -> Sequence[CandidateSpec]:
        named = self._settings.profile(profile)
        if not named:
            # What an operator has set as a vendor's model is tried even where the vendor does not list it.
            return [
                CandidateSpec(ModelSpec(vendor, provider.default))
                for vendor, provider in self._providers.items()
                if provider.there and provider.default
            ]
        return [candidate for candidate in named if self._is_there(candidate.model)]

    def _unhealthy(self, profile: str) -> Sequence[CandidateSpec]:
        """Those that a profile names whose provider did not answer when it was last asked what it serves.

        It may be back by now: they are tried after all others.
        """
        named = self._settings.profile(profile)
        return [candidate for candidate in named if self._is_unhealthy(self._providers.get(candidate.model.provider))]

    def _is_unhealthy(self, provider: Provider | None) -> bool:
        return provider is not None and not provider.there and provider.models is None

    def _log_skipped(self, profile: str, candidates: Sequence[CandidateSpec]) -> None:
        """Tells of those that a profile names and that are left out or put last, whenever that changes."""
        for candidate in self._settings.profile(profile):
            provider, reason = self._providers.get(candidate.model.provider), ""
            if self._is_unhealthy(provider):
                reason = "check_failed"
            elif candidate not in candidates:
                reason = "not_served" if provider else "not_configured"
            if self._skipped.get(candidate.model, "") != reason:
                self._skipped[candidate.model] = reason
                if reason:
                    _log.warning(
                        "model_skipped",
                        provider=candidate.model.provider,
                        model=candidate.model.name,
                        reason=reason,
                        asked_last=candidate in candidates,
                    )

    def _is_there(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and provider.there and _serves(provider, spec.name)

    def _serves_it(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and _serves(provider, spec.name)

    def _known(self) -> list[ModelInfo]:
        return [info for provider in self._providers.values() for info in provider.models or ()]

    def call_counter(self) -> CallCounter:
        """For the callbacks of one run, whose graph may call models that are none of ours."""

        def cost(listed: Listed, tokens: Tokens) -> Decimal | None:
            return None if self._prices is None else self._prices.cost(listed, tokens)

        return CallCounter(self._outside.bill, cost)

    async def check_budget(self, context: CallContext) -> None:
        """Raises `BudgetExhausted`."""
        await self._budget.check(context)

    async def catalogue(self) -> Sequence[ModelInfo]:
        await self._all_asked()
        return self._known()

    async def providers(self) -> Mapping[str, bool]:
        """Whether each vendor may be called: it answered when it was last asked what it serves, and of its models that
        were called not all have an open breaker.
        """
        await self._all_asked()
        breakers = await self.breakers()

        def is_alive(vendor: str, provider: Provider) -> bool:
            states = [state for spec, state in breakers.items() if spec.provider == vendor]
            return provider.there and (not states or any(state != "open" for state in states))

        return {vendor: is_alive(vendor, provider) for vendor, provider in self._providers.items()}

    async def breakers(self) -> Mapping[ModelSpec, State]:
        """The states of the breakers of all models that were called here."""
        return {spec: await kept.breaker.look() for spec, kept in self._kept.items()}

    async def breaker(self, info: ModelInfo) -> State:
        """The state of a model's breaker, for all replicas that share it."""
        return await self._remembered(info.spec).breaker.look()

    def price(self, info: ModelInfo) -> Price | None:
        if info.listed is None or self._prices is None:
            return None
        found: Price | None = self._prices.price(info.listed)
        return found

    def context_length(self, info: ModelInfo) -> int | None:
        if info.context_length is not None or info.listed is None or self._prices is None:
            return info.context_length
        found: int | None = self._prices.context_length(info.listed)
        return found

    def gates(self) -> Mapping[str, Gate]:
        return self._gates

    async def profiles(self) -> Mapping[str, Sequence[ModelSpec]]:
        await self._all_asked()
        return {profile: [candidate.model for candidate in self._there(profile)] for profile in PROFILES}

    async def aclose(self) -> None:
        tasks = [task for task in (self._loading, *self._asked.values(), *self._watching) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._answers is not None:
            await self._answers.aclose()
        for provider in self._providers.values():
            await provider.aclose()


def _named(settings: ModelSettings) -> Sequence[str]:
    asked = {
        "openai": settings.openai_api_key,
        "anthropic": settings.anthropic_api_key,
        "ollama": True,
        "embedded": True,
        "scripted": settings.script,
    }
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
