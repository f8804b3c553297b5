"""What watches the service asks for what there is, and whoever it wakes finds something to read."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from observability.metrics import Metrics

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "monitoring"
BOARDS = sorted((HERE / "grafana" / "boards").glob("*.json"))
WATCHERS = {"prometheus", "grafana", "loki", "collector"}

# What rules and boards name already and the service does not count yet: each metric's kind and labels.
EXPECTED_SOON: Mapping[str, tuple[str, tuple[str, ...]]] = {}

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
# What Prometheus adds to every series, and a histogram to its buckets.
_ADDED = {"job", "instance", "le"}
_WORDS = {
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "inf",
}


def _metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    collectors: list[Any] = list(Metrics().registry._collector_to_names)
    return {metric._name: (metric._type, metric._labelnames) for metric in collectors}


def _series() -> dict[str, set[str]]:
    """The labels of each name that may be asked for."""
    known = {**EXPECTED_SOON, **_metrics()}
    return {name + suffix: {*labels} for name, (kind, labels) in known.items() for suffix in _SUFFIXES[kind]}


def _asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression of PromQL names, and the labels that its selector does."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    for name, after, labels in re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)\s*(\(|(?:\{([^}]*)\})?)", bare):
        if after != "(" and name not in _WORDS:
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))


def _grouped(expression: str) -> set[str]:
    found = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression)
    return {label.strip() for labels in found for label in labels.split(",")}


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((HERE / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _panels() -> list[dict[str, Any]]:
    return [panel for board in BOARDS for panel in json.loads(board.read_text())["panels"]]


def _expressions() -> list[str]:
    targets = [target for panel in _panels() for target in panel["targets"]]
    asked = [target["expr"] for target in targets if target["datasource"]["type"] == "prometheus"]
    return [*(rule["expr"] for rule in _rules()), *asked]


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def test_what_an_expression_asks_for_is_found() -> None:
    asked = 'sum by (le, who) (rate(a_bucket{x="{b}", y!~"c"}[5m])) / on (who) d > 1e3 or e:f{} unless g offset 1h'
    assert list(_asked(asked)) == [("a_bucket", {"x", "y"}), ("d", set()), ("e:f", set()), ("g", set())]
    assert _grouped(asked) == {"le", "who"}


def test_every_metric_and_label_that_is_asked_for_is_there() -> None:
    series = _series()
    unknown = list[tuple[str, str]]()
    for expression in _expressions():
        asked = list(_asked(expression))
        assert asked, expression
        unknown += [(expression, name) for name, _ in asked if name not in series]
        labels = {label for name, _ in asked for label in series.get(name, ())}
        unknown += [(name, label) for name, own in asked for label in own - series.get(name, own) - _ADDED]
        unknown += [(expression, label) for label in _grouped(expression) - labels - _ADDED]
    assert unknown == []


def test_what_is_expected_soon_comes_as_it_is_expected() -> None:
    metrics = _metrics()
    assert {name: metrics[name] for name in EXPECTED_SOON if name in metrics} == {
        name: told for name, told in EXPECTED_SOON.items() if name in metrics
    }


def test_every_metric_that_is_listed_is_on_a_board() -> None:
    shown = {name for panel in _panels() for target in panel["targets"] for name, _ in _asked(target["expr"])}
    metrics = {**EXPECTED_SOON, **_metrics()}
    assert [
        name for name, (kind, _) in metrics.items() if not shown & {name + suffix for suffix in _SUFFIXES[kind]}
    ] == []


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for rule in _rules():
        assert rule["labels"].keys() == {"severity"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "runbook"}
        page, _, section = rule["annotations"]["runbook"].partition("#")
        assert page in {"docs/observability.md", "docs/troubleshooting.md"}
        headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
        assert section in {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}


def test_every_alert_has_a_test_that_it_is_told_and_one_that_it_is_not() -> None:
    told = yaml.safe_load((HERE / "rules_test.yml").read_text())
    assert told["rule_files"] == ["rules.yml"]
    cases = {
        (case["alertname"], bool(case["exp_alerts"])) for test in told["tests"] for case in test["alert_rule_test"]
    }
    assert cases == {(rule["alert"], fires) for rule in _rules() for fires in (True, False)}


@pytest.mark.parametrize(
    "asked",
    [("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")],
    ids=" ".join,
)
def test_prometheus_itself_takes_them(asked: tuple[str, ...]) -> None:
    # Debian's package `prometheus` has it. Without it, what is above is what is known.
    if (promtool := shutil.which("promtool")) is None:
        return
    done = subprocess.run([promtool, *asked], cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_ask_sources_that_are_provided() -> None:
    provided = yaml.safe_load((HERE / "grafana" / "datasources" / "agenkit.yml").read_text())["datasources"]
    sources = {(source["type"], source["uid"]) for source in provided}
    panels = _panels()
    asked = {(each["datasource"]["type"], each["datasource"]["uid"]) for panel in panels for each in panel["targets"]}
    assert asked == sources == {("prometheus", "prometheus"), ("loki", "loki")}
    assert {source["url"].split("/")[2].split(":")[0] for source in provided} <= WATCHERS
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))


def test_they_start_only_when_asked_for_and_in_versions_that_are_named() -> None:
    services = _services()
    assert {name for name, service in services.items() if service.get("profiles") == ["monitoring"]} == WATCHERS
    for name in WATCHERS:
        assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"])


def test_what_they_read_is_there() -> None:
    mounted = [volume.split(":") for name in WATCHERS for volume in _services()[name]["volumes"]]
    ours = [(source, mode) for source, _, *mode in mounted if source.startswith("./")]
    assert len(ours) == 7
    assert [source for source, mode in ours if not (ROOT / source).exists() or mode != ["ro"]] == []
    scraped = yaml.safe_load((HERE / "prometheus.yml").read_text())
    assert [each for config in scraped["scrape_configs"] for each in config["dns_sd_configs"][0]["names"]] == ["app"]
    assert yaml.safe_load((HERE / "loki.yml").read_text())["server"]["http_listen_port"] == 3100
    assert 'url = "http://loki:3100/loki/api/v1/push"' in (HERE / "collector.alloy").read_text()
    provider = yaml.safe_load((HERE / "grafana" / "dashboards" / "agenkit.yml").read_text())["providers"][0]
    assert f"./deploy/monitoring/grafana/boards:{provider['options']['path']}:ro" in _services()["grafana"]["volumes"]


def test_grafana_does_not_start_without_a_password_of_its_own() -> None:
    grafana = _services()["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_PASSWORD:-}"
    shell, flag, script = grafana["entrypoint"]
    # `$$` is how a compose file writes `$`.
    guard = script.replace("$$", "$").replace("exec /run.sh", "echo started")
    for password, told in (("", (1, "")), ("s3cret", (0, "started\n"))):
        ran = subprocess.run(
            [shell, flag, guard],
            env={"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": "/bin:/usr/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == told


def test_the_collector_can_be_spoken_to_by_nobody() -> None:
    collector = _services()["collector"]
    assert "ports" not in collector
    assert "--server.http.listen-addr=127.0.0.1:12345" in collector["command"]
    assert "ports" not in _services()["loki"]
