"""What is told of a configuration that can't be used."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.config.load import MAX_PROBLEMS, load_config, load_located, resolved
from shipper.config.models import Config
from shipper.config.sentences import key_paths
from shipper.errors import ConfigError
from tests.config.conftest import COLLECTOR, SOURCE, Desk
from tests.nobody import as_nobody


def test_a_missing_file_is_told_with_the_way_to_write_one(tmp_path: Path) -> None:
    """A path where nothing is gives exit code 78 and a configuration to start from."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.yaml", {})
    (problem,) = caught.value.problems
    assert str(tmp_path / "none.yaml") == problem.where
    assert "no such file" in problem.what
    assert caught.value.exit_code == 78
    start = tmp_path / "start.yaml"
    start.write_text(problem.remedy.partition("the smallest is ")[2], encoding="utf-8")
    assert load_config(start, {}).sources[0].name == "web"


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    """A directory given for the file is told as one."""
    with pytest.raises(ConfigError, match="is a directory"):
        load_config(tmp_path, {})


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """A named pipe that nobody writes to is refused, not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="not a regular file"):
        load_config(tmp_path / "pipe", {})


def test_a_file_name_that_is_no_utf8_can_be_told(tmp_path: Path) -> None:
    """A file name of odd bytes gives a message that can be printed."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / os.fsdecode(b"\xff.yaml"), {})
    assert str(caught.value).encode("utf-8")


def test_a_file_that_may_not_be_read(desk: Desk) -> None:
    """A file without read permission is told as such."""
    desk.write("x: 1").file.chmod(0)
    with as_nobody(), pytest.raises(ConfigError, match="permission denied"):
        load_config(desk.file, {})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- a\n", "is a list, not a mapping"),
        ("hello\n", "is a single value, not a mapping"),
        (b"\xff\xfea\x00", "is not UTF-8 text"),
        ("a: [1\n", "is not valid YAML"),
        ("a: \0\n", "holds the control character U+0000"),
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("a: &x [*x]\n", "contains itself"),
        ("a: " + "[" * 500, "is nested deeper"),
    ],
)
def test_what_is_no_mapping_is_told(desk: Desk, text: str | bytes, what: str) -> None:
    """A file that holds no mapping, or no YAML, gives one problem that says so."""
    assert what in desk.only(text).what


def test_every_mistake_is_told_at_once(desk: Desk) -> None:
    """Mistakes of every kind stand in one report, in the order of their lines."""
    text = """\
state: ''
colector: {}
url: x
collector:
  url: collector.example.com
  metod: post
  method: put
  max_bytes: 10XB
  concurrency: true
  headers:
    A B: x
    X-One: [1]
  retry: {first: 1m, cap: 1s}
tracker:
queue: {max_bytes: 5kB, when_full: drop}
tail: {sweep: .inf}
sources:
  - name: web
    paths: []
    grammar: 5
  - name: web
    paths: ${LOGS}/x
  - nonsense
"""
    assert desk.told(text) == [
        (1, "state", "is empty"),
        (2, "colector", "is not a known key"),
        (3, "url", "is not a known key"),
        (5, "collector.url", "has no scheme http:// or https://"),
        (6, "collector.metod", "is not a known key"),
        (7, "collector.method", "'put' is not among the choices"),
        (8, "collector.max_bytes", "'10XB' is not a number with a known unit"),
        (9, "collector.concurrency", "true is not a number"),
        (11, "collector.headers.A B", "is no header name"),
        (12, "collector.headers.X-One", "is a list, not a text"),
        (13, "collector.retry", "has a first delay above the cap"),
        (14, "tracker", "is empty"),
        (15, "queue.max_bytes", "'5kB' is too small"),
        (15, "queue.when_full", "'drop' is not among the choices"),
        (16, "tail.sweep", "inf is not a number with a known unit"),
        (19, "sources[0].paths", "is an empty list"),
        (20, "sources[0].grammar", "is 5, not a list"),
        (21, "sources[1].name", f"'web' is the name of another source, at {desk.file}:18"),
        (21, "sources[1].grammar", "is missing"),
        (22, "sources[1].paths", "needs the environment variable LOGS, which is not set"),
        (23, "sources[2]", "is 'nonsense', not a mapping"),
    ]
    assert all(problem.remedy for problem in desk.problems(text))


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("colector: {}", "did you mean 'collector'?"),
        ("max_get_bytes: 5", "did you mean 'collector.max_get_bytes'?"),
        ("paths: x", "did you mean 'sources[].paths'?"),
        ("zzz: 5", "known keys here are state, namespace, collector"),
    ],
)
def test_an_unknown_key_is_answered_with_a_known_one(desk: Desk, key: str, remedy: str) -> None:
    """A slip of the keyboard, or a key in the wrong place, is told with the right one."""
    problem = desk.only(f"collector: {COLLECTOR}\nsources: [{SOURCE}]\n{key}\n")
    assert problem.where.endswith(":3")
    assert problem.remedy.startswith(remedy)


def test_collector_and_sources_are_required(desk: Desk) -> None:
    """A file without collector and sources is told both, with an example of each."""
    told = desk.problems("state: /s")
    assert [(problem.key, problem.what) for problem in told] == [
        ("collector", "is missing"),
        ("sources", "is missing"),
    ]
    text = "\n".join(problem.remedy.removeprefix("write it like ") for problem in told)
    assert desk.load(text).sources


def test_three_sources_of_one_name_are_told_twice(desk: Desk) -> None:
    """Each source that repeats a name is told, with the line of the first."""
    text = f"collector: {COLLECTOR}\nsources:\n  - {SOURCE}\n  - {SOURCE}\n  - {SOURCE}\n"
    assert [line for line, _, _ in desk.told(text)] == [4, 5]
    assert all(problem.what.endswith(f"{desk.file}:3") for problem in desk.problems(text))


def test_a_flood_of_mistakes_is_cut(desk: Desk) -> None:
    """Ten thousand mistakes do not fill the terminal: the first are told, the rest counted."""
    keys = "".join(f"k{number}: 1\n" for number in range(1_000))
    told = desk.problems(f"collector: {COLLECTOR}\nsources: [{SOURCE}]\n{keys}")
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1].what == "and 900 mistakes more"


def test_long_and_odd_values_are_told_on_one_short_line(desk: Desk) -> None:
    """A message never repeats a novel or a line break."""
    start = f"collector: {COLLECTOR}\nsources: [{SOURCE}]\n"
    text = f'{start}"a\\nb": 1\nqueue: {{max_bytes: "{"x" * 9_999}\\n"}}'
    for problem in desk.problems(text):
        assert "\n" not in str(problem)
        assert len(str(problem)) < 500


def test_located_finds_keys_later(desk: Desk) -> None:
    """Other layers can ask where a key stands, also for one that is not written down."""
    text = f"collector: {COLLECTOR}\nsources:\n  - name: web\n    paths: /a\n    grammar: g\n"
    _, located = load_located(desk.write(text).file, {})
    assert f"{desk.file}:5" == located.where(("sources", 0, "grammar"))
    assert f"{desk.file}:3" == located.where(("sources", 0, "start"))


def test_resolved_masks_secrets(desk: Desk) -> None:
    """The printable configuration has every default and no secret."""
    headers = "headers: {Authorization: 'Bearer ${TOKEN}'}"
    config = desk.load(desk.collector(headers, {"TOKEN": "s3cret"}))
    printable = resolved(config)
    assert "s3cret" not in str(printable)
    assert "s3cret" not in repr(config)
    assert config.collector.headers["Authorization"].get_secret_value() == "Bearer s3cret"
    assert printable["queue"]["max_bytes"] == 10_000_000_000
    assert printable["queue"]["when_full"] == "pause"


_KEYS = st.sampled_from([re.sub(r".*\.", "", path) for path in key_paths()] + ["X"])
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["${A}", "${A:-1}", "${", "file:/dev/zero", "file:", "~x/y", "https://x", "1s"]
    ),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=12,
)
_GROUPS = st.dictionaries(_KEYS, _TREES, max_size=3)
_DOCUMENTS = st.builds(
    lambda top, collector, source: {
        "collector": {"url": "https://collector.example.com", **collector},
        "sources": [{"name": "web", "paths": "/a", "grammar": "g", **source}],
        **top,
    },
    top=_GROUPS,
    collector=_GROUPS,
    source=_GROUPS,
)


def _outcome(file: Path) -> None:
    try:
        config: Config | None = load_config(file, {"A": "7"})
        told = ""
    except ConfigError as error:
        config, told = None, str(error)
    assert told.encode("utf-8") if config is None else resolved(config)


_ODDITIES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_ODDITIES
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes_give_a_config_or_a_config_error(tmp_path: Path, raw: bytes) -> None:
    """No bytes make the loader fail in another way."""
    file = tmp_path / "shipper.yaml"
    file.write_bytes(raw)
    _outcome(file)


@_ODDITIES
@given(document=_DOCUMENTS)
def test_any_document_gives_a_config_or_a_config_error(tmp_path: Path, document: object) -> None:
    """No document made of known keys and odd values makes the loader fail in another way."""
    file = tmp_path / "shipper.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    _outcome(file)


@_ODDITIES
@given(text=st.text(alphabet="ab: \n-[]{}&*!|>'\"%@#?<,$0\t", max_size=80))
def test_any_yaml_like_text_gives_a_config_or_a_config_error(tmp_path: Path, text: str) -> None:
    """No arrangement of YAML's own signs makes the loader fail in another way."""
    file = tmp_path / "shipper.yaml"
    file.write_text(text, encoding="utf-8")
    _outcome(file)
