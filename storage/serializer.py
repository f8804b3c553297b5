"""What LangGraph's checkpoints are written with, and which types they may hold."""

import copy
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import EXT_DELTA_SNAPSHOT, EXT_NUMPY_ARRAY, JsonPlusSerializer
from pydantic import BaseModel

_MAX_INTEGER = 2**63
# Module and name: how LangGraph's format names a type.
TypeName = tuple[str, str]

_lossy: ContextVar[list[str] | None] = ContextVar("lossy_values", default=None)


class UnserializableState(TypeError):
    """A state holds a value of a type that checkpoints may not hold: `type_name` says which."""

    def __init__(self, type_name: str) -> None:
        super().__init__(f"A checkpoint cannot hold {type_name}")
        self.type_name = type_name


def collect_lossy_values() -> list[str]:
    """Return a list of what checkpoints cannot keep as it is, which grows as this task writes them."""
    found: list[str] = []
    _lossy.set(found)
    return found


class Serializer(JsonPlusSerializer):
    """LangGraph's serializer with an allow-list, and text for numbers that its format has no room for.

    On reading, a type that is not on the list is its plain data, and nothing of it is run. `dumps_typed` raises
    `UnserializableState`.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)
        self._types: set[tuple[str, ...]] = set(SAFE_MSGPACK_TYPES)
        self._modules: set[str] = set()

    def allow_modules(self, modules: Iterable[str]) -> None:
        """Put the data classes of loaded modules on the list."""
        names = set(modules)
        self._modules |= names
        self.with_msgpack_allowlist(each for name in names for each in _data_classes(name))

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> "Serializer":
        """Widen the list for every graph, not for a copy: they share one saver, and read each other's threads."""
        extra = [(each.__module__, each.__name__) if isinstance(each, type) else each for each in extra_allowlist]
        self._types.update(extra)
        widened = super().with_msgpack_allowlist(extra)
        self._allowed_msgpack_modules = widened._allowed_msgpack_modules
        self._unpack_ext_hook = widened._unpack_ext_hook
        return self

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, data = self._dump(obj)
        if kind == "msgpack":
            self._check(data)
        return kind, data

    def _dump(self, obj: Any) -> tuple[str, bytes]:
        try:
            return super().dumps_typed(obj)
        except TypeError:
            try:
                kind, data = super().dumps_typed(_replace_unsupported_numbers(obj))
            except TypeError as error:
                raise UnserializableState(f"this value: {error.__cause__ or error}") from error
        _note_lossy("a whole number of more than 64 bits, or a complex number, is stored as text")
        return kind, data

    def _check(self, data: bytes) -> None:
        """Look at what was written, not at what was given: that is what reading goes by, at any depth."""

        # Not raised within the hook: the format's own error would hide it.
        names: set[TypeName] = set()

        def hook(code: int, inner: bytes) -> None:
            value = _unpack(inner, hook)
            if code not in (EXT_DELTA_SNAPSHOT, EXT_NUMPY_ARRAY):
                names.add((value[0], value[1]))

        _unpack(data, hook)
        for module, name in sorted(names):
            self._check_type(module, name)

    def _check_type(self, module: str, name: str) -> None:
        if (module, name) in self._types:
            return
        if module not in self._modules or hasattr(sys.modules.get(module), name):
            raise UnserializableState(f"the type {module}.{name}")
        # One of a function or within a class, which LangGraph's format has no name for.
        _note_lossy(f"a value of {module}.{name}, which is no type of its module, is stored as plain data")


def find_modules(packages: Collection[str]) -> set[str]:
    """Return the names of the loaded modules of packages."""
    return {name for name in tuple(sys.modules) if any(f"{name}.".startswith(f"{each}.") for each in packages)}


def _data_classes(module: str) -> Iterator[TypeName]:
    """What LangGraph's format can name of a module: classes that hold data, whose constructors do nothing else."""
    for name, value in tuple(vars(sys.modules[module]).items()):
        if isinstance(value, type) and (value.__module__, value.__name__) == (module, name) and _holds_data(value):
            yield module, name


def _holds_data(kind: type) -> bool:
    return (
        is_dataclass(kind)
        or issubclass(kind, BaseModel | Enum)
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def _unpack(data: bytes, hook: Callable[[int, bytes], None]) -> Any:
    return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)


def _note_lossy(what: str) -> None:
    found = _lossy.get()
    if found is not None and what not in found:
        found.append(what)


def _replace_unsupported_numbers(value: Any) -> Any:  # noqa: PLR0911  # one flat table
    match value:
        case complex():
            return str(value)
        case int() if not -_MAX_INTEGER <= value < 2 * _MAX_INTEGER:
            return str(value)
        case dict():
            return {
                _replace_unsupported_numbers(key): _replace_unsupported_numbers(each) for key, each in value.items()
            }
        case list():
            return [_replace_unsupported_numbers(each) for each in value]
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*map(_replace_unsupported_numbers, value))
        case tuple() if type(value) is tuple:
            return tuple(map(_replace_unsupported_numbers, value))
        case BaseModel():
            return value.model_copy(update={key: _replace_unsupported_numbers(each) for key, each in value})
        case _ if is_dataclass(value) and not isinstance(value, type):
            changed = copy.copy(value)
            for field in fields(value):
                # Frozen ones too.
                object.__setattr__(changed, field.name, _replace_unsupported_numbers(getattr(value, field.name)))
            return changed
    return value
