"""References to the environment and to secret files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.config.references import MAX_SECRET_BYTES, References
from shipper.formats.located_yaml import Located
from tests.config.conftest import SOURCE, Desk


def follow(text: str, **environ: str) -> str:
    """Follow the references of *text*, all of which lead somewhere."""
    references = References(Located("f", None, {}), environ)
    result = references.follow({"state": text})["state"]
    assert not references.problems
    assert isinstance(result, str)
    return result


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${A}", "one"),
        ("x${A}y${A}z", "xoneyonez"),
        ("${EMPTY}", ""),
        ("${NONE:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${A:-two}", "one"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$A costs 5$", "$A costs 5$"),
        ("^a$", "^a$"),
    ],
)
def test_references_read_as_in_a_shell(written: str, meant: str) -> None:
    """Set, unset, empty, defaults and dollars mean what people know from shells."""
    assert meant == follow(written, A="one", EMPTY="")


@given(st.text())
def test_doubled_dollars_make_any_text_literal(text: str) -> None:
    """Whatever a text holds, writing each dollar twice gives it back."""
    assert text == follow(text.replace("$", "$$"))


@given(st.text())
def test_what_a_variable_holds_is_not_followed(text: str) -> None:
    """A value from the environment is taken as it is, references in it included."""
    assert text == follow("${A}", A=text)


@pytest.mark.parametrize("written", ["${}", "${A", "${1A}", "${A:?x}", "${A-x}", "${A:-${B}}"])
def test_what_is_no_reference_is_told(desk: Desk, written: str) -> None:
    """A reference of a form that is not known is an error, with the forms that are."""
    desk.environ = {"A": "1", "B": "2"}
    problem = desk.only(f"state: '{written}'\n{desk.collector('', desk.environ)}")
    assert "which is no reference" in problem.what
    assert "${NAME:-default}" in problem.remedy


def test_an_unset_variable_is_told_by_name_and_line(desk: Desk) -> None:
    """A variable that is not set and has no default is told once, at the line of its key."""
    text = f"collector:\n  url: ${{COLLECTOR_URL}}\nsources: [{SOURCE}]\n"
    assert desk.told(text) == [
        (2, "collector.url", "needs the environment variable COLLECTOR_URL, which is not set")
    ]


def test_numbers_and_booleans_may_come_from_the_environment(desk: Desk) -> None:
    """Every kind of value can be given by a variable."""
    text = """\
collector: {url: "${URL}", concurrency: "${N}", max_bytes: "${SIZE}", read_timeout: "${WAIT}"}
tracker: {base64: "${FLAG}", app_id: "${NONE:-}", platform: "${PLATFORM:-srv}"}
sources: [{name: web, paths: "${LOGS}", grammar: ["${GRAMMAR:-logfmt}"]}]
"""
    desk.environ = {"URL": "http://c", "N": "7", "SIZE": "9000", "WAIT": "2.5"}
    desk.environ |= {"FLAG": "true", "LOGS": "/l"}
    config = desk.load(text)
    collector = config.collector
    assert (collector.concurrency, collector.max_bytes, collector.read_timeout) == (7, 9_000, 2.5)
    assert (config.tracker.base64, config.tracker.app_id) == (True, None)
    assert config.sources[0].grammar == ("logfmt",)


def test_a_variable_cannot_add_keys(desk: Desk) -> None:
    """What looks like YAML in a variable stays a text."""
    desk.environ = {"ID": "x\nplatform: tv"}
    config = desk.load(
        f"collector: {{url: 'http://c'}}\nsources: [{SOURCE}]\ntracker: {{app_id: '${{ID}}'}}\n"
    )
    assert (config.tracker.app_id, config.tracker.platform) == ("x\nplatform: tv", "srv")


def test_a_variable_of_odd_bytes_is_told(desk: Desk) -> None:
    """A variable that is no UTF-8 text is an error that can be printed."""
    problem = desk.only(desk.collector("method: '${A}'", {"A": os.fsdecode(b"\xff")}))
    assert problem.what == "takes the environment variable A, which is not UTF-8 text"


def test_a_secret_file_is_read_without_its_last_line_break(desk: Desk, tmp_path: Path) -> None:
    """`file:` gives the file's content; its path may hold references; one line break is cut."""
    (tmp_path / "token").write_bytes(b"Bearer s3cret\r\n")
    text = desk.collector("headers: {Authorization: 'file:${D}/token'}", {"D": str(tmp_path)})
    header = desk.load(text).collector.headers["Authorization"]
    assert header.get_secret_value() == "Bearer s3cret"


def test_a_variable_does_not_lead_to_a_file(desk: Desk, tmp_path: Path) -> None:
    """A variable that begins with file: is that text, so it can't make the program read files."""
    (tmp_path / "token").write_text("s3cret", encoding="utf-8")
    value = f"file:{tmp_path}/token"
    config = desk.load(desk.collector("headers: {X-A: '${A}'}", {"A": value}))
    assert value == config.collector.headers["X-A"].get_secret_value()


def test_a_file_reference_outside_secrets_is_a_text(desk: Desk) -> None:
    """Only secrets may stand in a file of their own."""
    config = desk.load(f"namespace: file:/etc/hostname\n{desk.collector('')}")
    assert config.namespace == "file:/etc/hostname"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "no such file or directory"),
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff", "it is no UTF-8 text"),
        (b"x" * (MAX_SECRET_BYTES + 1), "it is longer than"),
    ],
)
def test_a_secret_file_that_is_no_use_is_told(
    desk: Desk, tmp_path: Path, content: bytes | None, what: str
) -> None:
    """A secret file that is missing, empty, huge or no text is told at the key that names it."""
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    problem = desk.only(desk.collector(f"headers: {{X-A: 'file:{tmp_path}/token'}}"))
    assert problem.key == "collector.headers.X-A"
    assert what in problem.what


@pytest.mark.parametrize("path", ["/dev/zero", "/", "~nobody-of-this-name/x", "\\0", "${A}\\0"])
def test_an_odd_secret_path_is_told(desk: Desk, path: str) -> None:
    """A secret file that is a device, a directory or no path at all is told."""
    text = desk.collector(f'headers: {{X-A: "file:{path}"}}', {"A": "hidden"})
    problem = desk.only(text)
    assert "the secret file" in problem.what
    assert "hidden" not in str(problem)


@pytest.mark.parametrize("value", ["s3cret\n", "s3cret\u20ac", "s3cret" * 2_000])
def test_no_message_tells_a_secret(desk: Desk, tmp_path: Path, value: str) -> None:
    """A header value that can't be sent is told without the value, wherever it came from."""
    (tmp_path / "token").write_text(f"{value}\n", encoding="utf-8")
    text = desk.collector(f"headers: {{X-A: '${{A}}', X-B: 'file:{tmp_path}/token'}}", {"A": value})
    told = desk.problems(text)
    assert {problem.key for problem in told} == {"collector.headers.X-A", "collector.headers.X-B"}
    assert not any("s3cret" in str(problem) for problem in told)


@pytest.mark.parametrize(
    "headers", ["'X-A: s3cret'", "{'X-A: s3cret'}", "['X-A: s3cret']", "{X-A: [s3cret]}"]
)
def test_a_secret_in_the_wrong_form_is_not_told(desk: Desk, headers: str) -> None:
    """Headers written as a text, a list or a lone key are told without what they hold."""
    problem = desk.only(desk.collector(f"headers: {headers}"))
    assert problem.key.startswith("collector.headers")
    assert "s3cret" not in str(problem)
