import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from backend.commands.settings import run
from backend.settings import VARIABLES, BadSettings, Settings, read_settings

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENKIT_PORT", "abc"),
        ("AGENKIT_PORT", "70000"),
        ("AGENKIT_LOG_LEVEL", "loud"),
        ("AGENKIT_CHAT_MODELS", "gpt"),
        ("AGENKIT_GRAPHS", "no graph"),
        ("AGENKIT_GRAPHS", "UPPER=x.py:graph"),
        ("AGENKIT_SHUTDOWN_GRACE", "-1"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("AGENKIT_LEASE", "inf"),
        ("DATABASE_URL", "not a url with hunter2"),
        ("REDIS_URL", "http://x"),
        ("OLLAMA_BASE_URL", "localhost:11434"),
        ("OLLAMA_BASE_URL", "http://127.0.0.1:abc"),
        ("OPENAI_API_KEY", "changeme"),
        ("AGENKIT_PROT", "8000"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings({name: value}, file=None)
    assert str(refused.value).startswith(f"{name}: ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "driven"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h:5/d", "postgresql+psycopg://u:p@h:5/d"),
        ("postgresql+asyncpg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
    ],
)
def test_a_database_is_reached_by_our_driver_whatever_the_address_says(url: str, driven: str) -> None:
    storage = read_settings({"DATABASE_URL": url}, file=None).storage
    assert storage.database.render_as_string(hide_password=False) == driven
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
