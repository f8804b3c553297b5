"""The models that the server says it has, and the vectors that they make."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import shake_256


@dataclass(frozen=True, slots=True)
class Model:
    """`context` is in tokens, `dimensions` is the length of a vector; capabilities are in Ollama's words."""

    name: str
    context: int = 8192
    dimensions: int = 8
    capabilities: tuple[str, ...] = ("completion",)


Catalog = tuple[Model, ...]

MODELS: Catalog = (
    Model("loop", capabilities=("completion", "tools", "thinking")),
    Model("loop-embed", context=2048, capabilities=("embedding",)),
)


def find(catalog: Catalog, name: str) -> Model | None:
    """A model by its name, with or without Ollama's `:latest`."""
    return next((model for model in catalog if model.name == name.removesuffix(":latest")), None)


def vectors(catalog: Catalog, name: str, texts: Iterable[object], dimensions: int | None) -> list[list[float]]:
    """A vector per text; a model that is not in the catalog has the default length."""
    model = find(catalog, name) or Model(name)
    return [vector(str(text), dimensions or model.dimensions) for text in texts]


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector that depends on the words alone, so that texts with common words are near each other."""
    words = re.findall(r"\w+", text.lower()) or [""]
    digests = [shake_256(word.encode()).digest(dimensions) for word in words]
    sums = [sum(byte - 127.5 for byte in column) for column in zip(*digests, strict=True)]
    norm = math.hypot(*sums)
    return [value / norm for value in sums]
