import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from backend.commands.settings import run
from backend.settings import ALIASES, RETIRED, VARIABLES, InvalidSettings, Settings, read_settings
from llm.settings import PROFILES

ROOT = Path(__file__).parents[2]


def _fields() -> set[tuple[str, str]]:
    fields = set()
    for package, field in Settings.model_fields.items():
        (kind,) = {field.annotation, *get_args(field.annotation)}
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        fields |= {(package, name) for name in kind.model_fields}
    return fields


def test_every_setting_has_one_variable() -> None:
    assert sorted(VARIABLES.values()) == sorted(_fields())


def test_every_setting_is_in_the_docs_and_in_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    run([])
    documented = (ROOT / "docs" / "settings.md").read_text()
    assert documented == capsys.readouterr().out, "make docs writes it anew"
    example = (ROOT / ".env.example").read_text()
    for name in VARIABLES:
        assert f"| `{name}` |" in documented
        assert re.search(rf"^# ?{name}=", example, re.MULTILINE), name
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", documented, re.MULTILINE)) == set(VARIABLES)
    assert set(re.findall(r"^# ?([A-Z_]+)=", example, re.MULTILINE)) == set(VARIABLES)


def test_with_nothing_set_everything_has_a_value() -> None:
    settings = read_settings({}, file=None)
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert settings.storage.database.render_as_string() == "sqlite+aiosqlite:///.agenkit/agenkit.db"
    assert settings.storage.migrates_at_start


def test_lists_are_written_with_commas() -> None:
    settings = read_settings({"AGENKIT_CHAT_MODELS": " ollama:a:3b , embedded:smollm2,"}, file=None)
    assert settings.models.chat == ("ollama:a:3b", "embedded:smollm2")


def test_the_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENKIT_PORT=9000\nAGENKIT_HOST=0.0.0.0\nOPENAI_API_KEY=\n")
    settings = read_settings({"AGENKIT_PORT": "9001"}, file=tmp_path / ".env")
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 9001)
    assert settings.models.openai_api_key is None


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_sets_what_its_variable_does_and_gives_way_to_it(alias: str, name: str) -> None:
    package, field = VARIABLES[name]

    def value(environment: Mapping[str, str]) -> object:
        read = getattr(getattr(read_settings(environment, file=None), package), field)
        return read.get_secret_value() if isinstance(read, SecretStr) else read

    scheme = "http://" if field.endswith("_url") else ""
    both = {alias: f"{scheme}alias", name: f"{scheme}variable"}
    assert str(value({alias: both[alias]})) == both[alias]
    assert str(value(both)) == both[name]


def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_alias() -> None:
    with pytest.raises(InvalidSettings, match=r"^LANGFUSE_HOST: "):
        read_settings({"LANGFUSE_HOST": "localhost"}, file=None)


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/otlp/"}, "http://c:4318/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, "http://t/x"),
    ],
)
def test_the_endpoint_of_traces_is_its_own_or_below_that_of_everything(
    environment: Mapping[str, str], endpoint: str | None
) -> None:
    assert read_settings(environment, file=None).observability.traces_endpoint == endpoint


def test_compose_passes_what_sends_traces_and_asks_models() -> None:
    passed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["app"]["environment"]
    wanted = {
        *(name for name in (*VARIABLES, *ALIASES) if name.startswith(("LANGFUSE_", "OTEL_", "SENTRY_"))),
        *(f"AGENKIT_{profile.upper()}_MODELS" for profile in PROFILES),
        *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AGENKIT_ENVIRONMENT", "AGENKIT_RELEASE"),
    }
    # A file in a container is another one than that outside.
    wanted -= {name for name in wanted if name.endswith(("_CERTIFICATE", "_CLIENT_KEY"))}
    assert {name for name in wanted if passed.get(name) == f"${{{name}:-}}"} == wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENKIT_PORT", "abc"),
        ("AGENKIT_PORT", "70000"),
        ("AGENKIT_LOG_LEVEL", "loud"),
        ("AGENKIT_CHAT_MODELS", "gpt"),
        ("AGENKIT_GRAPH_FILES", "no graph"),
        ("AGENKIT_GRAPH_FILES", "UPPER=x.py:graph"),
        ("AGENKIT_SHUTDOWN_GRACE_SECONDS", "-1"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("AGENKIT_RUN_LEASE_SECONDS", "inf"),
        ("DATABASE_URL", "not a url with hunter2"),
        ("REDIS_URL", "http://x"),
        ("OLLAMA_BASE_URL", "localhost:11434"),
        ("OLLAMA_BASE_URL", "http://127.0.0.1:abc"),
        ("OPENAI_API_KEY", "changeme"),
        ("AGENKIT_PROT", "8000"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read_settings({name: value}, file=None)
    assert str(refused.value).startswith(f"{name}: ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "local_runs"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h:5/d", "postgresql+psycopg://u:p@h:5/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
    ],
)
def test_a_database_is_reached_by_our_driver_whatever_the_address_says(url: str, local_runs: str) -> None:
    storage = read_settings({"DATABASE_URL": url}, file=None).storage
    assert storage.database.render_as_string(hide_password=False) == local_runs
    assert storage.migrates_at_start is url.startswith("sqlite")


def test_no_secret_is_ever_printed() -> None:
    settings = read_settings(
        {
            "OPENAI_API_KEY": "sk-hunter2",
            "DATABASE_URL": "postgresql://u:hunter2@h/d",
            "REDIS_URL": "redis://:hunter2@h",
        },
        file=None,
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.storage.database)


@pytest.mark.parametrize(("retired", "successor"), RETIRED.items())
def test_retired_setting_names_its_successor(retired: str, successor: str) -> None:
    assert successor in VARIABLES
    assert retired not in VARIABLES
    with pytest.raises(InvalidSettings, match=f"{retired}: this setting is now called {successor}$"):
        read_settings({retired: "1"}, file=None)
