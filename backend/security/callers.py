from starlette.requests import HTTPConnection

from storage.caller import Caller

# Who everybody is where nobody has to say who they are.
LOCAL = Caller(tenant="default", user="local", scopes=frozenset({"*"}))


async def caller(connection: HTTPConnection) -> Caller:
    """Who asks. Routes take it as a dependency, so that there is one place to answer this."""
    return LOCAL
