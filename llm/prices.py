"""What tokens cost: from a table that is kept elsewhere and travels with its package. An unknown price is `None`."""

from decimal import Decimal
from functools import lru_cache

import genai_prices
from genai_prices.types import PriceCalculation

from llm.catalog import Price, PricedModel, Tokens

_MILLION = 1_000_000


def cost(model: PricedModel, tokens: Tokens) -> Decimal | None:
    """In dollars, at the prices of now."""
    if not tokens.total:
        return Decimal(0)
    usage = genai_prices.Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=min(tokens.cached, tokens.input) or None,
        cache_write_tokens=min(tokens.cache_write, tokens.input - min(tokens.cached, tokens.input)) or None,
    )
    found = _calculated(model, usage)
    return found.total_price if found else None


@lru_cache(maxsize=4096)
def price(model: PricedModel) -> Price | None:
    read = cost(model, Tokens(input=1000))
    written = cost(model, Tokens(output=1000))
    if read is None or written is None:
        return None
    return Price(read * _MILLION / 1000, written * _MILLION / 1000)


@lru_cache(maxsize=4096)
def context_length(model: PricedModel) -> int | None:
    """Tokens of context, where the table knows."""
    found = _calculated(model, genai_prices.Usage())
    return found.model.context_window if found else None


def _calculated(model: PricedModel, usage: genai_prices.Usage) -> PriceCalculation | None:
    if model.biller is None and model.address is None:
        return None
    try:
        if model.biller is not None:
            return genai_prices.calc_price(usage, model.name, provider_id=model.biller)
        return genai_prices.calc_price(usage, model.name, provider_api_url=model.address)
    except LookupError:
        return None
