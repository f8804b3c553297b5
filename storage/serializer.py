"""What LangGraph's checkpoints are written with."""

from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

_MAX_INTEGER = 2**63


class Serializer(JsonPlusSerializer):
    """As LangGraph's; numbers that its format has no room for are kept as text, and not the end of a run."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        try:
            return super().dumps_typed(obj)
        except TypeError:
            return super().dumps_typed(_without_odd_numbers(obj))


def _without_odd_numbers(value: Any) -> Any:
    match value:
        case complex():
            return str(value)
        case int() if not -_MAX_INTEGER <= value < 2 * _MAX_INTEGER:
            return str(value)
        case dict():
            return {key: _without_odd_numbers(each) for key, each in value.items()}
        case list():
            return [_without_odd_numbers(each) for each in value]
        case tuple() if type(value) is tuple:
            return tuple(_without_odd_numbers(each) for each in value)
    return value
