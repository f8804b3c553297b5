"""How a database goes about what it is asked."""

from typing import Any

from sqlalchemy import event

from storage.database import Database


async def plans(database: Database, asked: Any) -> list[str]:
    """How the database goes about each statement that `asked` makes."""
    statements = list[tuple[str, Any]]()

    def note(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, _many: bool) -> None:
        statements.append((statement, given))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await asked
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
    told = []
    async with database.read() as connection:
        for statement, given in statements:
            if statement.startswith("SELECT"):
                rows = (await connection.exec_driver_sql(explain + statement, given)).all()
                told.append("\n".join(str(row[-1]) for row in rows))
    return told
