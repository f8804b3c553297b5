"""A real Ollama, and models of ours on it: the embedded weights, each under a template of its own."""

import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import pytest

from llm.factory import ModelFactory
from llm.settings import ModelSettings
from llm.vendors.embedded.host import model_weights
from tests.conftest import NAMED_SERVERS

_HOW = "These tests need an Ollama: name one that runs in OLLAMA_BASE_URL, or put `ollama` on the PATH"
# The end of the name that the weights have for themselves.
_TITLE = b"Mix1 Ep2"
# The last message is left open where it is the model's own, so that it is gone on with.
_TURNS = """{{- range $at, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $at)) 1 -}}
<|im_start|>{{ if eq .Role "tool" }}user{{ else }}{{ .Role }}{{ end }}
{{ .Content }}
{{- if .ToolCalls }}{{ range .ToolCalls }}<tool_call>
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
</tool_call>{{ end }}{{ end }}
{{- if not (and $last (eq .Role "assistant")) }}<|im_end|>
{{ end }}
{{- if and $last (ne .Role "assistant") }}<|im_start|>assistant
{{ end }}
{{- end }}"""
_TOOLS = """{{- if .Tools }}<|im_start|>system
You may call: {{ range .Tools }}{{ .Function }} {{ end }}<|im_end|>
{{ end }}"""


_VERSION = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (version := config.stash.get(_VERSION, None)) is not None:
        terminalreporter.write_line(f"The Ollama asked was of version {version}.")


@dataclass(frozen=True, slots=True)
class RealOllama:
    """A server with two models on it, of the same weights: one whose template knows tools and one whose does not."""

    url: str
    talks: str
    calls: str

    def settings(self, *chat: str) -> ModelSettings:
        return ModelSettings(ollama_base_url=self.url, chat=chat or (f"ollama:{self.talks}",), retry_max_attempts=1)


@pytest.fixture(scope="session")
def ollama_url() -> Iterator[str]:
    if (named := NAMED_SERVERS["OLLAMA_BASE_URL"]) is not None:
        yield named.rstrip("/")
        return
    binary = shutil.which("ollama")
    if binary is None:
        pytest.fail(_HOW)
    with TemporaryDirectory(prefix="agenkit-ollama-") as folder:
        address = _free_address()
        # It keeps a key of its own beside its models. One answer at a time: who has left is not to be waited for.
        own = {"HOME": folder, "OLLAMA_MODELS": folder, "OLLAMA_HOST": address, "OLLAMA_NUM_PARALLEL": "1"}
        with (Path(folder) / "log").open("wb") as log:
            server = subprocess.Popen([binary, "serve"], env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            _await_answer(server, f"http://{address}", Path(folder) / "log")
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait(10)


def _free_address() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


def _await_answer(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(300):
        try:
            httpx.get(f"{url}/api/version")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
        if server.poll() is not None:
            break
    pytest.fail(f"`ollama serve` does not answer at {url}: {log.read_bytes()[-500:].decode(errors='replace')}")


@pytest.fixture(scope="session")
def real(ollama_url: str, pytestconfig: pytest.Config) -> Iterator[RealOllama]:
    # Names that no other run has: on a server that was named, two may be under way.
    run = f"agenkit-test-{uuid4().hex[:8]}"
    made = RealOllama(ollama_url, talks=f"{run}-talks", calls=f"{run}-calls")
    with httpx.Client(base_url=ollama_url, timeout=60.0) as client:
        pytestconfig.stash[_VERSION] = client.get("/api/version").raise_for_status().json()["version"]
        digest = _handed_over(client, run)
        try:
            _create(client, made.talks, digest, _TURNS)
            _create(client, made.calls, digest, _TOOLS + _TURNS)
            yield made
        finally:
            for name in (made.talks, made.calls):
                client.request("DELETE", "/api/delete", json={"model": name})


def _handed_over(client: httpx.Client, run: str) -> str:
    """The digest under which the server has the weights."""
    file = model_weights()
    if file is None:
        pytest.fail("The embedded model's weights are not installed: make test-ollama sets them up")
    content = file.read_bytes()
    if content.count(_TITLE) != 1:
        pytest.fail(f"The embedded model's weights are not named as they were: there is no {_TITLE!r} in them")
    # Of the same length, so that nothing moves: models of the same weights share what is loaded, and these are our own.
    content = content.replace(_TITLE, run[-len(_TITLE) :].encode())
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    client.post(f"/api/blobs/{digest}", content=content).raise_for_status()
    return digest


def _create(client: httpx.Client, name: str, digest: str, template: str) -> None:
    asked = {
        "model": name,
        "files": {"weights.gguf": digest},
        "template": template,
        # The same answer each time.
        "parameters": {"temperature": 0, "seed": 1},
        "stream": False,
    }
    client.post("/api/create", json=asked).raise_for_status()


@pytest.fixture
async def factory(real: RealOllama) -> AsyncIterator[ModelFactory]:
    made = ModelFactory(real.settings())
    await made.start()
    yield made
    await made.aclose()
