"""The collector's keys: what fits together, and what stays secret."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from shipper.config.load import resolved
from shipper.service.assemble import addresses
from tests.config.conftest import Desk


def test_one_address_or_several(desk: Desk) -> None:
    """A text is a list of one; each is checked by itself."""
    text = desk.collector("method: post")
    several = text.replace("'https://c.example.com'", "[https://a.example.com, https://b.example]")
    assert desk.load(text).collector.urls == ("https://c.example.com",)
    assert desk.load(several).collector.urls == ("https://a.example.com", "https://b.example")
    wrong = desk.only(several.replace("https://b.example", "b.example"))
    assert (wrong.key, "no scheme" in wrong.what) == ("collector.url[1]", True)
    twice = desk.only(several.replace("https://b.example", "https://a.example.com/"))
    assert twice.what == "has an address twice"
    none = desk.only(text.replace("'https://c.example.com'", "[]"))
    assert none.what == "is an empty list"


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("username: a", "has only one of username and password"),
        ("password: '${WORD}'", "has only one of username and password"),
        ("username: 'a:b', password: '${WORD}'", "holds a colon"),
        (
            "username: a, password: '${WORD}', headers: {AUTHORIZATION: '${WORD}'}",
            "an Authorization header",
        ),
        ("min_concurrency: 5", "has a min_concurrency above"),
        ("tls: {key: /k.pem}", "has a key without a certificate"),
        ("tls: {ca: /ca.pem, verify: false}", "is never asked"),
        ("tls: {min_version: 1.1}", "is not among the choices"),
        ("tls: {verify: maybe}", "is neither true nor false"),
        ("path: com.acme/track", "is no path of a collector"),
        ("path: '/a?b'", "is no path of a collector"),
        ("proxy: 'socks5://p'", "has no scheme"),
        ("proxy: 'http://p4ss:${WORD}@'", "has a host that is no name"),
        ("proxy: 'http://p4ss:${WORD}@proxy:x'", "malformed"),
        ("proxy: 'http://p4ss:${WORD}@proxy/path'", "has a path"),
        ("proxy: 'http://p4ss ${WORD}@proxy'", "holds a blank"),
    ],
)
def test_what_does_not_fit_is_told(desk: Desk, keys: str, what: str) -> None:
    """Each in its own words, and without the secret."""
    problem = desk.only(desk.collector(keys, {"WORD": "p4ss"}))
    assert what in problem.what
    assert "p4ss" not in str(problem)
    assert problem.remedy


@pytest.mark.parametrize("version", ["1.2", "1.3", "'1.3'"])
def test_a_version_may_look_like_a_number(desk: Desk, version: str) -> None:
    """YAML takes 1.2 for one."""
    config = desk.load(desk.collector(f"tls: {{min_version: {version}}}"))
    assert config.collector.tls.min_version == version.strip("'")


@pytest.mark.parametrize(
    "keys",
    [
        "username: a, password: p4ss",
        "username: a, password: 'p4$$ss'",
        "headers: {authorization: Bearer p4ss}",
        "headers: {Cookie: p4ss}",
        "proxy: 'http://me:p4ss@proxy:3128'",
    ],
)
def test_a_secret_does_not_stand_in_the_configuration(desk: Desk, keys: str) -> None:
    """It is refused with what to write in its place, and not repeated."""
    problem = desk.only(desk.collector(keys))
    assert "holds a secret" in problem.what
    assert "file:PATH" in problem.remedy
    assert "p4" not in str(problem)


def test_a_password_that_is_not_set_is_one_mistake(desk: Desk) -> None:
    """That it is missing beside the user name follows from it, and is not said."""
    problem = desk.only(desk.collector("username: a, password: '${NOWHERE}'"))
    assert "needs the environment variable NOWHERE" in problem.what


def test_what_is_no_secret_may_stand_there(desk: Desk) -> None:
    """Other headers, a proxy without a password; and a token beside a word."""
    keys = "headers: {X-Team: blue, Authorization: 'Bearer ${TOKEN}'}, proxy: 'http://proxy:3128'"
    config = desk.load(desk.collector(keys, {"TOKEN": "t0ken"}))
    assert config.collector.headers["Authorization"].get_secret_value() == "Bearer t0ken"


def test_secrets_come_from_files_and_are_never_shown(desk: Desk) -> None:
    """Password and proxy are read from the files that they name, and are masked."""
    for name, content in (("word", "p4ss\n"), ("proxy", "http://u:p4ss@proxy:3128/\n")):
        (desk.file.parent / name).write_text(content)
    directory = desk.file.parent
    keys = f"username: me, password: 'file:{directory}/word', proxy: 'file:{directory}/proxy'"
    config = desk.load(desk.collector(keys))
    (address,) = addresses(config)
    assert address.headers["Authorization"] == f"Basic {b64encode(b'me:p4ss').decode()}"
    assert address.proxy == "http://u:p4ss@proxy:3128"
    assert "p4ss" not in repr(config) + json.dumps(resolved(config)) + repr(address)


def test_what_a_client_is_made_of(desk: Desk) -> None:
    """The keys reach the client: anonymity, compression, path, TLS, and no proxy."""
    keys = (
        "anonymous: true, gzip: true, path: /com.acme/track, proxy: direct, "
        "tls: {ca: /ca.pem, certificate: /c.pem, key: /k.pem, min_version: 1.3}"
    )
    (address,) = addresses(desk.load(desk.collector(keys)))
    assert address.headers == {"SP-Anonymous": "*"}
    assert (address.gzip, address.path, address.proxy) == (True, "/com.acme/track", "")
    tls = address.tls
    assert [str(path) for path in (tls.ca, tls.certificate, tls.key)] == [
        "/ca.pem",
        "/c.pem",
        "/k.pem",
    ]
    assert (tls.verify, tls.min_version) == (True, "1.3")
