"""The limits and the forms of single values."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.config.models import Config
from tests.config.conftest import Desk


def source(keys: str) -> str:
    return f"collector: {{url: 'http://c'}}\nsources: [{{name: web, grammar: g, {keys}}}]\n"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://collector.example.com", "https://collector.example.com"),
        ("http://127.0.0.1:9090/", "http://127.0.0.1:9090"),
        ("http://[::1]:9090/a/b/", "http://[::1]:9090/a/b"),
        ("HTTPS://Collector.example.com", "HTTPS://Collector.example.com"),
        ("http://collector:80", "http://collector:80"),
        (" http://collector ", "http://collector"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_good_addresses(desk: Desk, url: str, kept: str) -> None:
    """An address has a scheme, a host, maybe a port and a path; the last slash is cut."""
    config = desk.load(desk.collector("method: post").replace("https://c.example.com", url))
    assert kept == config.collector.url


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "is empty"),
        ("collector.example.com", "has no scheme"),
        ("collector:9090", "has no scheme"),
        ("//collector", "has no scheme"),
        ("ftp://collector", "has no scheme"),
        ("http://", "has no host"),
        ("http:///path", "has no host"),
        ("http://:9090", "has no host"),
        ("http://a b", "holds a blank"),
        ("http://a\\b", "holds a blank"),
        ("http://a:99999", "malformed"),
        ("http://a:b", "malformed"),
        ("http://[::1", "malformed"),
        ("http://a:0", "has the port 0"),
        ("http://a,b", "has a host that is no name"),
        ("http://a?x=p4ss", "has a query"),
        ("http://a#p4ss", "has a query or a fragment"),
        ("http://user:p4ss@a", "holds a user name or password"),
        ("http://a/com.snowplowanalytics.snowplow/tp2/", "ends with"),
    ],
)
def test_bad_addresses(desk: Desk, url: str, what: str) -> None:
    """Each way to get an address wrong is told in its own words, never with its secrets."""
    problem = desk.only(desk.collector("method: post").replace("https://c.example.com", url))
    assert what in problem.what
    assert problem.key == "collector.url"
    assert "p4ss" not in str(problem)


def test_a_password_is_led_to_the_headers(desk: Desk) -> None:
    """The remedy for a password in the address is a header from a secret file."""
    text = desk.collector("method: post").replace("https://c", "https://u:p@c")
    assert "headers: {Authorization: 'file:" in desk.only(text).remedy


@pytest.mark.parametrize("method", ["get", "GET", "Post"])
def test_words_are_taken_in_any_case(desk: Desk, method: str) -> None:
    """HTTP methods and platform codes may be written in upper case."""
    config = desk.load(f"{desk.collector(f'method: {method}')}tracker: {{platform: SRV}}\n")
    assert (method.lower(), "srv") == (config.collector.method, config.tracker.platform)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("max_bytes: 999", "999 is too small"),
        ("max_bytes: 10.1MB", "'10.1MB' is too large"),
        ("max_get_bytes: 20001", "20001 is too large"),
        ("concurrency: 0", "0 is too small"),
        ("concurrency: 65", "65 is too large"),
        ("concurrency: 1.5", "1.5 is not a whole number"),
        ("concurrency: x", "'x' is not a number"),
        ("concurrency: true", "true is not a number"),
        ("concurrency: " + "9" * 400, "too large"),
        ("connect_timeout: 0", "0 is too small"),
        ("read_timeout: -1", "-1 is too small"),
        ("headers: {Content-Type: x}", "is a header that the sender sets itself"),
        ("headers: {x-a: a, X-A: b}", "has a header twice"),
        ("headers: {X-A: 5}", "is a number, not a text"),
        ("headers: x", "is a text, not a mapping"),
        ("retry: 5", "is 5, not a mapping"),
    ],
)
def test_limits_of_the_collector(desk: Desk, keys: str, what: str) -> None:
    """A value outside its limits, or of another kind, is told with the value."""
    problem = desk.only(desk.collector(keys))
    assert what in problem.what or what in problem.remedy
    assert problem.remedy


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("platform: desktop", "'desktop' is not among the choices"),
        (f"app_id: {'x' * 256}", "is longer than 255 characters"),
        (f"namespace: {'x' * 129}", "is longer than 128 characters"),
        ("base64: 5", "5 is neither true nor false"),
        ("app_id: 5", "is 5, not a text"),
    ],
)
def test_limits_of_the_tracker(desk: Desk, keys: str, what: str) -> None:
    """What Enrich would refuse in every event is refused in the configuration."""
    assert what == desk.only(f"{desk.collector('')}tracker: {{{keys}}}\n").what


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("paths: []", "is an empty list"),
        ("paths: ''", "is empty"),
        ("paths: [5]", "is 5, not a text"),
        ("paths: {a: b}", "is a mapping, not a list"),
        ('paths: "a\\0b"', "holds a NUL character"),
        ("paths: ~nobody-of-this-name/x", "has no home directory"),
        ("paths: /a, exclude: ['']", "is empty"),
        ("paths: /a, start: 5", "5 is not among the choices"),
        ("paths: /a, blank_lines: drop", "'drop' is not among the choices"),
        ("paths: /a, max_line_bytes: 1kB", "'1kB' is too small"),
        ("paths: /a, max_line_bytes: 65MiB", "'65MiB' is too large"),
        ("paths: /a, entities: {}", "is a mapping, not a list"),
        ("paths: /a, entities: [{schema: 5, data: {}}]", "is 5, not a text"),
        ("paths: /a, entities: [{schema: 'iglu:a', data: {}}]", "'iglu:a' is not an Iglu URI"),
    ],
)
def test_limits_of_a_source(desk: Desk, keys: str, what: str) -> None:
    """A source that can't be read as it is written is told."""
    problem = desk.only(source(keys))
    assert what in problem.what
    assert problem.where == f"{desk.file}:2"


@pytest.mark.parametrize("name", ["a b", "a/b", "", "x" * 65, "ä", '"a\\n"'])
def test_names_of_sources_fit_into_metrics(desk: Desk, name: str) -> None:
    """A name has only letters, digits, dots, dashes and underscores."""
    text = source("paths: /a").replace("name: web", f"name: {name or '``'}".replace("``", "''"))
    assert "can't be a name" in desk.only(text).what


@pytest.mark.parametrize(
    "value", [".inf", ".nan", "99999999999999999999999", "[" * 35 + "1" + "]" * 35]
)
def test_an_entity_holds_what_json_can_carry(desk: Desk, value: str) -> None:
    """A number or a depth that an event can't carry is told before it spoils every event."""
    schema = "iglu:com.example/host/jsonschema/1-0-0"
    text = source(f"paths: /a, entities: [{{schema: '{schema}', data: {{a: {value}}}}}]")
    assert desk.only(text).key == "sources[0].entities[0].data"


def test_an_entity_is_kept_as_it_is_written(desk: Desk) -> None:
    """Numbers, texts, lists and dates of an entity reach the event as they stand."""
    schema = "iglu:com.example/host/jsonschema/1-0-0"
    data = "{n: 1, f: 1.5, t: yes, d: 2026-11-23, l: [null, true], 5: x}"
    config = desk.load(source(f"paths: /a, entities: [{{schema: '{schema}', data: {data}}}]"))
    (entity,) = config.sources[0].entities
    expected = {"n": 1, "f": 1.5, "t": "yes", "d": "2026-11-23", "l": [None, True], "5": "x"}
    assert (schema, expected) == (entity.schema_uri, entity.data)


def test_paths_are_absolute(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths start in the current directory, ~ is the home; excluded names stay names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    config = desk.load(
        "state: ./state\n"
        "grammars: {directories: g, patterns: [~/p]}\n"
        + source("paths: [logs/**/*.log, ~/x.log, /a/b.log], exclude: ['*.gz', '**/old/*', t/*]")
    )
    (only,) = config.sources
    assert config.state == tmp_path / "state"
    assert config.grammars.directories == (tmp_path / "g",)
    assert config.grammars.patterns == (Path("/home/ada/p"),)
    assert only.paths == (f"{tmp_path}/logs/**/*.log", "/home/ada/x.log", "/a/b.log")
    assert only.exclude == ("*.gz", "/**/old/*", f"{tmp_path}/t/*")


def test_a_configuration_is_frozen(desk: Desk) -> None:
    """Nothing changes a configuration once it is loaded."""
    config = desk.load(source("paths: /a"))
    with pytest.raises(ValueError, match="frozen"):
        config.state = Path("/other")  # type: ignore[misc]  # this is the claim


def test_every_key_has_a_description() -> None:
    """An editor, and the page of the configuration, can say what each key is for."""
    schema = Config.model_json_schema()
    groups = [schema, *schema["$defs"].values()]
    keys = [(group["title"], *item) for group in groups for item in group["properties"].items()]
    assert [(group, key) for group, key, about in keys if not about.get("description")] == []
