import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.loopback import Loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as running:
        yield running


@pytest.fixture(scope="session")
def certificates() -> ssl.SSLContext:
    """Read once: each client would read all of the system's for itself."""
    return ssl.create_default_context()


@pytest.fixture
async def openai(server: Loopback, certificates: ssl.SSLContext) -> AsyncIterator[AsyncOpenAI]:
    transport = DefaultAsyncHttpxClient(verify=certificates)
    async with AsyncOpenAI(base_url=server.openai_url, api_key="x", max_retries=0, http_client=transport) as client:
        yield client


@pytest.fixture
async def ollama(server: Loopback, certificates: ssl.SSLContext) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(host=server.ollama_url, verify=certificates)
    yield client
    await client.close()  # type: ignore[no-untyped-call]  # so it is in the library
