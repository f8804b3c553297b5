import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from importlib import import_module
from types import ModuleType

from langchain_core.language_models import BaseChatModel

from llm.budgets import Budget
from llm.cache.cached_model import CachedModel, ModelCache, OnCacheOperation
from llm.cache.store import CacheStore
from llm.call_counter import CallCounter
from llm.catalog import ModelInfo, Price, PricedModel, Provider, Tokens
from llm.context import CallContext
from llm.embedding.embedder import embedder
from llm.errors import NoModelAvailable, Overloaded, UnknownModel, UnknownProfile
from llm.settings import PROFILES, ModelSettings
from llm.spec import LinkLimits, LinkSpec, ModelSpec
from llm.vendors.scripted import Script
from llm.wrappers.breaker import (
    Breaker,
    BreakerSettings,
    BreakerStore,
    Circuit,
    CircuitBreakerModel,
    SharedBreaker,
    State,
)
from llm.wrappers.budget import BudgetChecker, BudgetModel, Ledger
from llm.wrappers.fallback import FallbackModel
from llm.wrappers.latency import LatencyTracker
from llm.wrappers.limiter import ConcurrencyLimiter, ConcurrencySettings, LimitedModel
from llm.wrappers.metering import CostOf, MeteredModel, OnUsage
from llm.wrappers.model_order import ModelLink, OnFallback
from llm.wrappers.retry import RetryBudget, RetryModel, RetrySettings
from llm.wrappers.timeouts import TimeoutModel, Timeouts
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
class ModelChain:
    """What a run may call: a list of models that answers as one, the first's name, and what they can do together."""

    info: ModelInfo
    model: BaseChatModel
    # Of the providers of its list, each once.
    limiters: Sequence[ConcurrencyLimiter] = ()
    # Seconds that a step may take in which it decides something and answers nobody.
    decision_timeout: float = 180.0

    def check_capacity(self, tenant: str) -> None:
        """Raises `Overloaded` where no provider of the list could take a call of this tenant's now."""
        if self.limiters and not any(limiter.has_capacity(tenant) for limiter in self.limiters):
            raise Overloaded(
                "The server is overloaded.",
                retry_after=min(limiter.resume_after_wait for limiter in self.limiters),
            )


@dataclass(frozen=True, slots=True)
class ModelHooks:
    """What a factory is given by whoever builds it: who is told of what was spent and of what happened, and where what
    it remembers is kept. Nobody has to listen; without a cache nothing is remembered.
    """

    bill: OnUsage = field(default=lambda spent, context: None)
    on_fallback: OnFallback = field(default=lambda what, info, why: None)
    ledger: Ledger | None = None
    # What all replicas share: the states of breakers, and answers. Without it, each process keeps its own.
    breakers: BreakerStore | None = None
    cache: CacheStore | None = None
    on_cache_operation: OnCacheOperation = field(default=lambda operation, hit: None)
    # How long a call waited for its turn at a provider.
    on_queue_wait: Callable[[str, float], None] = field(default=lambda provider, seconds: None)
    # Where to ask how many wait there now.
    queues: Callable[[str, ConcurrencyLimiter], None] = field(default=lambda provider, gate: None)


@dataclass(slots=True)
class _ModelState:
    """What is remembered of one model from call to call."""

    breaker: Circuit
    retry_budget: RetryBudget
    latency: LatencyTracker


class ModelFactory:
    """Chat models from spec strings, over the providers that the settings name."""

    def __init__(self, settings: ModelSettings, hooks: ModelHooks | None = None) -> None:
        self._settings = settings
        self._outside = hooks or ModelHooks()
        run = Budget(settings.run_max_tokens, settings.run_max_cost)
        self._budget = BudgetChecker(run_budget=run, budgets=settings.budgets, ledger=self._outside.ledger)
        self._answers = self._open_cache()
        self._providers: dict[str, Provider] = {}
        self._gates: dict[str, ConcurrencyLimiter] = {}
        self._kept: dict[ModelSpec, _ModelState] = {}
        self._links: dict[tuple[ModelInfo, LinkLimits, int | None], ModelLink] = {}
        # Why candidates of profiles are left out or put last.
        self._skipped: dict[ModelSpec, str] = {}
        self._prices: ModuleType | None = None
        self._loading: asyncio.Task[None] | None = None
        # What each provider serves, asked for the first time; and then again and again.
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._watching: list[asyncio.Task[None]] = []

    def _open_cache(self) -> ModelCache | None:
        store, settings = self._outside.cache, self._settings.cache
        if store is None:
            return None
        meanings = embedder(settings.embedder, self._settings) if settings.semantic else None
        return ModelCache(settings, store, self._outside.on_cache_operation, meanings)

    async def start(self) -> None:
        """Begins to load the vendors and to ask what they serve. A call waits for no more of it than it needs.

        Raises `BadScript`.
        """
        if self._settings.scripted_model_file:
            await asyncio.to_thread(Script.read, self._settings.scripted_model_file)
        self._loading = asyncio.create_task(self._load(), name="models")

    async def _load(self) -> None:
        self._prices = await asyncio.to_thread(import_module, _PRICES)
        for vendor in _model_name(self._settings):
            provider = await asyncio.to_thread(_provider, vendor, self._settings)
            self._providers[vendor] = provider
            limiter = self._gates[vendor] = ConcurrencyLimiter(
                ConcurrencySettings(
                    max_concurrent=provider.in_flight or self._settings.model_max_concurrent_calls,
                    max_queued=self._settings.model_max_queued_calls,
                    queue_timeout_seconds=self._settings.model_queue_timeout_seconds,
                ),
                on_wait=partial(self._outside.on_queue_wait, vendor),
            )
            self._outside.queues(vendor, limiter)
            self._asked[vendor] = asyncio.create_task(provider.refresh(), name=f"models of {vendor}")
            self._watching.append(asyncio.create_task(_watch(provider), name=f"watch {vendor}"))

    async def loaded(self) -> None:
        """Comes back when every vendor is there; what they serve may not be known yet."""
        if self._loading is None:
            raise RuntimeError("The model factory was not started")
        await asyncio.shield(self._loading)

    async def _refresh_all(self) -> None:
        await self.loaded()
        await asyncio.shield(asyncio.gather(*self._asked.values()))

    async def select(
        self, *, model: str | None = None, profile: str = "chat", without: str | None = None
    ) -> ModelChain:
        """The model asked for, or else those of the profile that are there, but for one provider's.

        Raises `UnknownModel`, `UnknownProfile` or `NoModel`.
        """
        await self.loaded()
        if profile not in PROFILES:
            raise UnknownProfile(profile, PROFILES)
        specs = [LinkSpec(await self._requested(model))] if model else await self._of_profile(profile)
        kept = [spec for spec in specs if spec.model.provider != without]
        if not kept:
            raise NoModelAvailable(profile)
        return self._build_chain(kept, self._settings.max_output_tokens(profile))

    async def judge_for(self, author: ModelSpec | None) -> ModelChain | None:
        """Who reads what that model wrote: of another family where one is there, and never the embedded model.

        `None` where nobody is left.
        """
        await self.loaded()
        healthy = self._available(_JUDGES)
        asked = [judge for judge in (*healthy, *self._unhealthy(_JUDGES)) if judge.model.provider != NEVER_JUDGES]
        if not asked:
            return None
        family = author.family if author is not None else None
        apart = sorted(asked, key=lambda judge: (judge not in healthy, judge.model.family == family))
        return self._build_chain(apart, self._settings.max_output_tokens(_JUDGES))

    def _build_chain(self, specs: Sequence[LinkSpec], output: int | None) -> ModelChain:
        settings = self._settings
        links = tuple(self._link(spec, output) for spec in specs)
        info = replace(links[0].info, tools=any(link.info.tools for link in links))
        answering = FallbackModel(
            inner=links[0].model,
            links=links,
            total=settings.total_timeout_seconds,
            hedge=settings.hedge_quantile,
            on_event=self._outside.on_fallback,
        )
        gates = dict.fromkeys(self._gates[link.info.spec.provider] for link in links)
        model: BaseChatModel = BudgetModel(inner=answering, checker=self._budget)
        if self._answers is not None:
            # Outside of the budget: what is known costs nothing.
            named = tuple(f"{link.info.spec}?max_tokens={link.max_output_tokens}" for link in links)
            model = CachedModel(inner=model, answers=self._answers, specs=named)
        return ModelChain(info, model, tuple(gates), settings.decision_timeout_seconds)

    def _link(self, asked: LinkSpec, output: int | None) -> ModelLink:
        """One model with everything around it that is its own: the order of the layers is decided here."""
        spec, limits = asked.model, asked.limits
        told = self._providers[spec.provider].info(spec.name)
        info = replace(told, context_length=self.context_length(told))
        key = (info, limits, output)
        if key not in self._links:
            kept = self._model_state(info.spec)
            named = {"provider": spec.provider, "model": spec.name}
            timed = TimeoutModel(
                inner=self._providers[spec.provider].chat_model(spec.name), timeouts=self._limits(limits), **named
            )
            metered = MeteredModel(
                inner=timed, info=info, cost=self._cost_of(info), bill=self._outside.bill, latency=kept.latency
            )
            guarded = CircuitBreakerModel(inner=metered, breaker=kept.breaker, **named)
            admitted = LimitedModel(inner=guarded, limiter=self._gates[spec.provider])
            retries = self._retry_settings(limits)
            self._links[key] = ModelLink(
                info=info,
                model=RetryModel(
                    inner=admitted,
                    settings=retries,
                    budget=kept.retry_budget,
                    on_retry=partial(self._outside.on_fallback, "retried", info),
                ),
                retries=retries,
                max_output_tokens=limits.max_tokens or output,
                latency=kept.latency,
            )
        return self._links[key]

    def _model_state(self, spec: ModelSpec) -> _ModelState:
        if spec not in self._kept:
            settings = BreakerSettings(self._settings.breaker_failures, self._settings.breaker_reset_seconds)
            store = self._outside.breakers
            breaker = SharedBreaker(str(spec), settings, store) if store else Breaker(settings)
            self._kept[spec] = _ModelState(breaker, RetryBudget(self._settings.retry_budget_ratio), LatencyTracker())
        return self._kept[spec]

    def _limits(self, own: LinkLimits) -> Timeouts:
        settings = self._settings
        return Timeouts(
            first_token_seconds=own.first_token_seconds or settings.first_token_timeout_seconds,
            idle_seconds=own.idle_seconds or settings.stream_idle_seconds,
            total_seconds=own.total_seconds or settings.total_timeout_seconds,
        )

    def _retry_settings(self, own: LinkLimits) -> RetrySettings:
        settings = self._settings
        return RetrySettings(
            max_attempts=own.max_attempts or settings.retry_max_attempts,
            min_wait_seconds=settings.retry_wait_min_seconds,
            max_wait_seconds=settings.retry_wait_max_seconds,
            budget_ratio=settings.retry_budget_ratio,
        )

    def _cost_of(self, info: ModelInfo) -> CostOf:
        def cost(tokens: Tokens) -> Decimal | None:
            if info.priced_as is None or self._prices is None:
                return None
            found: Decimal | None = self._prices.cost(info.priced_as, tokens)
            return found

        return cost

    async def _requested(self, model: str) -> ModelSpec:
        vendor = model.partition(":")[0]
        if vendor in self._asked:
            await asyncio.shield(self._asked[vendor])
        return self._check_spec(model)

    def _check_spec(self, asked: str) -> ModelSpec:
        try:
            spec = ModelSpec.parse(asked)
        except ValueError:
            raise UnknownModel(asked, self._close_matches(asked)) from None
        if not self._is_served(spec):
            raise UnknownModel(asked, self._close_matches(asked))
        return spec

    def _close_matches(self, asked: str) -> tuple[str, ...]:
        known = {str(info.spec): str(info.spec) for info in self._known()}
        known |= {info.spec.name: str(info.spec) for info in self._known()}
        close = difflib.get_close_matches(asked, known, n=5, cutoff=0.4)
        return tuple(dict.fromkeys(known[name] for name in close))

    async def _of_profile(self, profile: str) -> Sequence[LinkSpec]:
        # Who may be there and has not answered yet: a list made without it would have nobody to fall back to.
        named = self._settings.profile(profile)
        vendors = {candidate.model.provider for candidate in named} or set(self._providers)
        unknown = [vendor for vendor in vendors if vendor in self._asked and not self._providers[vendor].is_available]
        await asyncio.gather(*(asyncio.shield(self._asked[vendor]) for vendor in unknown))
        candidates = [*self._available(profile), *self._unhealthy(profile)]
        self._log_skipped(profile, candidates)
        if not candidates:
            raise NoModelAvailable(profile)
        return candidates

    def _available(self, profile: str) -> Sequence[LinkSpec]:
        named = self._settings.profile(profile)
        if not named:
            # What an operator has set as a vendor's model is tried even where the vendor does not list it.
            return [
                LinkSpec(ModelSpec(vendor, provider.default))
                for vendor, provider in self._providers.items()
                if provider.is_available and provider.default
            ]
        return [candidate for candidate in named if self._is_available(candidate.model)]

    def _unhealthy(self, profile: str) -> Sequence[LinkSpec]:
        """Those that a profile names whose provider did not answer when it was last asked what it serves.

        It may be back by now: they are tried after all others.
        """
        named = self._settings.profile(profile)
        return [candidate for candidate in named if self._is_unhealthy(self._providers.get(candidate.model.provider))]

    def _is_unhealthy(self, provider: Provider | None) -> bool:
        return provider is not None and not provider.is_available and provider.models is None

    def _log_skipped(self, profile: str, candidates: Sequence[LinkSpec]) -> None:
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

    def _is_available(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and provider.is_available and _serves(provider, spec.name)

    def _is_served(self, spec: ModelSpec) -> bool:
        provider = self._providers.get(spec.provider)
        return provider is not None and _serves(provider, spec.name)

    def _known(self) -> list[ModelInfo]:
        return [info for provider in self._providers.values() for info in provider.models or ()]

    def call_counter(self) -> CallCounter:
        """For the callbacks of one run, whose graph may call models that are none of ours."""

        def cost(listed: PricedModel, tokens: Tokens) -> Decimal | None:
            return None if self._prices is None else self._prices.cost(listed, tokens)

        return CallCounter(self._outside.bill, cost)

    async def check_budget(self, context: CallContext) -> None:
        """Raises `BudgetExhausted`."""
        await self._budget.check(context)

    async def models(self) -> Sequence[ModelInfo]:
        await self._refresh_all()
        return self._known()

    async def providers(self) -> Mapping[str, bool]:
        """Whether each vendor may be called: it answered when it was last asked what it serves, and of its models that
        were called not all have an open breaker.
        """
        await self._refresh_all()
        breakers = await self.breakers()

        def is_alive(vendor: str, provider: Provider) -> bool:
            states = [state for spec, state in breakers.items() if spec.provider == vendor]
            return provider.is_available and (not states or any(state != "open" for state in states))

        return {vendor: is_alive(vendor, provider) for vendor, provider in self._providers.items()}

    async def breakers(self) -> Mapping[ModelSpec, State]:
        """The states of the breakers of all models that were called here."""
        return {spec: await kept.breaker.peek() for spec, kept in self._kept.items()}

    async def breaker(self, info: ModelInfo) -> State:
        """The state of a model's breaker, for all replicas that share it."""
        return await self._model_state(info.spec).breaker.peek()

    def price(self, info: ModelInfo) -> Price | None:
        if info.priced_as is None or self._prices is None:
            return None
        found: Price | None = self._prices.price(info.priced_as)
        return found

    def context_length(self, info: ModelInfo) -> int | None:
        if info.context_length is not None or info.priced_as is None or self._prices is None:
            return info.context_length
        found: int | None = self._prices.context_length(info.priced_as)
        return found

    def limiters(self) -> Mapping[str, ConcurrencyLimiter]:
        return self._gates

    async def profiles(self) -> Mapping[str, Sequence[ModelSpec]]:
        await self._refresh_all()
        return {profile: [candidate.model for candidate in self._available(profile)] for profile in PROFILES}

    async def aclose(self) -> None:
        tasks = [task for task in (self._loading, *self._asked.values(), *self._watching) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._answers is not None:
            await self._answers.aclose()
        for provider in self._providers.values():
            await provider.aclose()


def _model_name(settings: ModelSettings) -> Sequence[str]:
    asked = {
        "openai": settings.openai_api_key,
        "anthropic": settings.anthropic_api_key,
        "ollama": True,
        "embedded": True,
        "scripted": settings.scripted_model_file,
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
