"""Rules of the house that no linter knows."""

import importlib.util
import re
import tomllib
from importlib.metadata import files
from pathlib import Path

import pytest
import yaml

from llm.vendors.embedded.host import model_weights

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = [
    *(ROOT / "requirements").glob("*.lock"),
    *ROOT.glob("*/package-lock.json"),
    *ROOT.glob("tests/*/*/package-lock.json"),
]

# The packages that are fixed, and where each is imported once its capability is there.
FIXED = {
    "langgraph": ("graphs", r"from langgraph\."),
    "langchain-ollama": ("llm", r"from langchain_ollama "),
    "langchain-openai": ("llm", r"from langchain_openai "),
    "fastapi": ("backend", r"from fastapi "),
    "sse-starlette": ("backend", r"from sse_starlette "),
    "tenacity": ("llm", r"from tenacity "),
    "redis": ("storage", r"from redis"),
    "langfuse": ("observability", r"from langfuse"),
    "pytest-asyncio": ("tests", r"async def test_"),
}


def _named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[>=<; ]", requirement)[0] for requirement in requirements}


def _packages() -> list[str]:
    packages: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return packages


@pytest.mark.parametrize("package", FIXED)
def test_what_is_fixed_is_a_direct_dependency_and_imported_where_it_belongs(package: str) -> None:
    direct = _named(PROJECT["project"]["dependencies"]) | _named(PROJECT["project"]["optional-dependencies"]["dev"])
    assert package in direct
    folder, pattern = FIXED[package]
    assert any(re.search(pattern, file.read_text()) for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("package", _packages())
def test_the_packages_that_are_found_are_ours(package: str) -> None:
    # `agents` and `llm` are names of other distributions too.
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_names_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    for address in ("://", "--find-links", "file:", "--index-url", '"resolved"'):
        assert address not in text
    if lock.suffix == ".lock":
        entries = re.split(r"\n(?=\S)", text.strip())
        assert all("==" in entry for entry in entries)
        assert all("--hash=sha256:" in entry for entry in entries)
    else:
        assert text.count('"integrity"') > 10


def test_every_kind_of_lock_is_there() -> None:
    python = {"run.lock", "dev.lock", "foreign.lock", "node.lock", "weights.lock"}
    assert {lock.name for lock in LOCKS} == {*python, "package-lock.json"}


def test_what_a_package_is_taken_for_its_weights_only_is_no_dependency() -> None:
    names = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "weights.lock").read_text(), re.MULTILINE)
    text = (ROOT / "pyproject.toml").read_text() + (ROOT / "requirements" / "run.lock").read_text()
    for name in names:
        assert f"{name}==" not in text
        assert f'"{name}' not in text
        assert files(name) is not None


def test_the_weights_are_found_without_importing_their_package() -> None:
    found = model_weights()
    assert found is not None
    assert found.stat().st_size > 50_000_000


def test_no_folder_is_named_for_a_layer() -> None:
    unwanted = {"utils", "helpers", "common", "core", "services", "managers", "misc", "shared"}
    for package in _packages():
        names = {path.stem for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts}
        assert not names & unwanted


@pytest.mark.parametrize("package", sorted(_packages()))
def test_every_package_is_in_the_image(package: str) -> None:
    assert f"COPY {package}/ {package}/" in (ROOT / "deploy" / "Dockerfile").read_text()
    assert f"!{package}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_production_is_published_to_this_machine_only_and_holds_no_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    services = yaml.safe_load(text)["services"]
    assert {"app", "postgres", "redis"} <= set(services)
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    # Whatever is secret comes from outside, and PostgreSQL's has to.
    secrets = [line for line in text.splitlines() if re.search(r"(PASSWORD|API_KEY|SECRET)\w*:", line)]
    assert all(re.search(r": .*\$\{\w+:[-?]", line) for line in secrets)
