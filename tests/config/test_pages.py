"""The example configurations and the page of the configuration, held to the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shipper.config import sentences
from shipper.config.fields import Group
from shipper.config.load import json_schema, load_config, load_located
from shipper.config.receiver import ReceiverConfig
from shipper.config.records import MultilineConfig
from shipper.config.status import StatusConfig
from shipper.errors import ConfigError
from tests.config import pages

CONFIGS = sorted((pages.ROOT / "configs").glob("*.yaml"))
ENVIRON = {"COLLECTOR_URL": "https://collector.example.com"}


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    document = json_schema()
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_example_loads(file: Path, schema: Any) -> None:
    """Each file in configs/ is a valid configuration, for the program and for an editor."""
    assert load_config(file, ENVIRON).sources
    assert list(schema.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))) == []


def test_the_examples_are_there() -> None:
    """The examples that the page names exist."""
    assert {"demo", "minimal", "full", "nginx", "docker"} <= {file.stem for file in CONFIGS}


def test_full_has_every_key() -> None:
    """full.yaml shows every key, the ones of an entity and of multiline in comments."""
    file = pages.ROOT / "configs" / "full.yaml"
    _, located = load_located(file, {})
    written = {
        ".".join(str(part) for part in path).replace(".0", "[]") for path in located.lines if path
    }
    commented = {"sources[].entities[].schema", "sources[].entities[].data"}
    multiline = [key for key in sentences.key_paths() if "[].multiline." in key]
    groups = ("receiver.", "status.")
    beside = [key for key in sentences.key_paths() if key.startswith(groups)]
    assert set(sentences.key_paths()) - commented - {*multiline, *beside} <= written
    text = file.read_text(encoding="utf-8")
    assert re.search(r"# .*\bschema: .*\bdata: ", text)
    for key in multiline:
        assert re.search(rf"# .*\b{key.rpartition('.')[2]}: ", text)


@pytest.mark.parametrize(("key", "group"), [("receiver", ReceiverConfig), ("status", StatusConfig)])
def test_full_shows_what_is_off(key: str, group: type[Group]) -> None:
    """The keys of what is off unless it is written stand in comments, all, with their defaults."""
    text = (pages.ROOT / "configs" / "full.yaml").read_text(encoding="utf-8")
    written = re.search(rf"^# .* \{{\}} is:\n((?:#   .*\n)+){key}: null$", text, re.M)
    assert written
    shown = yaml.safe_load(re.sub(r"^# ", "", written[1], flags=re.M))
    assert shown.keys() == group.model_fields.keys()
    assert group(**shown) == group()


@pytest.mark.parametrize("rule", ["{preset: java}", "{start: '^[0-9]'}"])
def test_full_has_the_defaults_of_multiline(rule: str) -> None:
    """The limits that full.yaml gives in its comment are those of a rule that names none."""
    text = (pages.ROOT / "configs" / "full.yaml").read_text(encoding="utf-8")
    written = re.search(r"# +(timeout: .*)$", text, re.M)
    assert written
    limits = yaml.safe_load(f"{{{written[1]}}}")
    rules = yaml.safe_load(rule)
    assert MultilineConfig(**rules) == MultilineConfig(**rules, **limits)


def _examples_of_multiline() -> list[str]:
    text = (pages.ROOT / "docs" / "multiline.md").read_text(encoding="utf-8")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.S | re.M)


@pytest.mark.parametrize("text", _examples_of_multiline())
def test_every_example_of_the_multiline_page_loads(text: str, tmp_path: Path) -> None:
    """What docs/multiline.md shows is a configuration, or goes into the source before it."""
    if text.startswith("    "):
        text = "sources:\n  - name: a\n    paths: /a\n    grammar: logfmt\n" + text
    file = tmp_path / "shipper.yaml"
    file.write_text(f"collector: {{url: 'https://c.example.com'}}\n{text}", encoding="utf-8")
    (source,) = load_config(file, {}).sources
    assert source.rules() is not None


def test_the_multiline_page_has_every_key() -> None:
    """docs/multiline.md has a row for each key below multiline, with its default."""
    text = (pages.ROOT / "docs" / "multiline.md").read_text(encoding="utf-8")
    for row in pages.rows():
        if "[].multiline." in row:
            key, default = row.removeprefix("| `sources[].").split(" | ")[:2]
            shown = "`start`" if key == "multiline.condition`" else default
            assert f"| `{key} | {shown} | " in text


def test_full_has_the_defaults() -> None:
    """What full.yaml writes out is what a file without those keys means."""
    full, minimal = (
        load_config(pages.ROOT / "configs" / f"{name}.yaml", {}) for name in ("full", "minimal")
    )
    assert full == minimal


def test_demo_needs_nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """demo.yaml works from any directory with an empty environment, and can be led elsewhere."""
    monkeypatch.chdir(tmp_path)
    file = pages.ROOT / "configs" / "demo.yaml"
    config = load_config(file, {})
    assert config.state == tmp_path / "demo" / "state"
    assert config.sources[0].paths == (f"{tmp_path}/demo/logs/*access*.log*",)
    led = load_config(file, {"SHIPPER_STATE": "/s", "SHIPPER_LOGS": "/l"})
    assert (Path("/s"), ("/l/*access*.log*",)) == (led.state, led.sources[0].paths)


def test_the_page_has_every_key() -> None:
    """docs/configuration.md has a row for every key, with its default, limits and description."""
    page = pages.PAGE.read_text(encoding="utf-8").splitlines()
    assert [row for row in pages.rows() if row not in page] == []


@pytest.mark.parametrize("text", pages.examples())
def test_every_example_of_the_page_loads(text: str, tmp_path: Path, schema: Any) -> None:
    """What the page shows as a configuration is one, once its secret file is there."""
    (tmp_path / "token").write_text("t0ken\n", encoding="utf-8")
    text = text.replace("/run/secrets/collector-token", str(tmp_path / "token"))
    file = tmp_path / "shipper.yaml"
    file.write_text(text, encoding="utf-8")
    config = load_config(file, {})
    assert config.sources or config.receiver
    assert list(schema.iter_errors(yaml.safe_load(text))) == []


def test_the_pages_mistakes_are_told_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong configuration on the page gives the report on the page, word for word."""
    page = pages.PAGE.read_text(encoding="utf-8")
    wrong = re.search(r"^```yaml wrong\n(.*?)^```\n\n```text\n(.*?)^```$", page, re.S | re.M)
    assert wrong
    monkeypatch.chdir(tmp_path)
    Path("shipper.yaml").write_text(wrong[1], encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("shipper.yaml"), {})
    assert wrong[2] == f"{caught.value}\n"
