"""The database's clock, in statements: what several processes compare has to come from one clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Float, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from storage.tables import Moment

# The function of SQLite's that `register_clock` adds.
_SQLITE_FUNCTION = "database_time"


class DatabaseTime(FunctionElement[datetime]):
    """Now, by the database's clock, plus a number of seconds."""

    type = Moment()
    inherit_cache = True

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(literal(seconds, Float))


@compiles(DatabaseTime, "postgresql")
def _in_postgresql(element: DatabaseTime, compiler: SQLCompiler, **more: Any) -> str:
    # Not `now()`, which is when the transaction began: it may have waited for a lock since.
    seconds = compiler.process(element.clauses, **more)
    return f"clock_timestamp() + make_interval(secs => CAST({seconds} AS double precision))"


@compiles(DatabaseTime, "sqlite")
def _in_sqlite(element: DatabaseTime, compiler: SQLCompiler, **more: Any) -> str:
    return f"{_SQLITE_FUNCTION}({compiler.process(element.clauses, **more)})"


def register_clock(connection: Any) -> None:
    """Give a SQLite connection the function: its own clock counts in milliseconds, and a queue needs an order."""
    connection.create_function(_SQLITE_FUNCTION, 1, _sqlite_time)


def _sqlite_time(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")
