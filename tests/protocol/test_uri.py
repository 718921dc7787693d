"""Addresses are taken and refused as Enrich's two parsers do, as far as we can be sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.protocol.uri import complaint

PATH_MAX = 3_000


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a/b?c=d#e",
        "http://example.com",
        "http://user@example.com:8080/",
        "http://[2001:db8::1]:8080/x",
        "http://my_host/",
        "//example.com/a",
        "/a/b?c=d",
        "a/b",
        "-",
        "",
        "?q",
        "#top",
        "mailto:someone@example.com",
        "urn:isbn:0451450523",
        "file:///etc/hosts",
        "android-app://com.example.app/",
        "https://example.com/with space",
        "https://example.com/søk?q=blåbær",
        "https://exämple.com/",
        # Java refuses these five, the forgiving parser takes them
        "https://example.com/a|b",
        'https://example.com/?q="x"',
        "https://example.com/?a=%%&b=100%",
        "https://example.com/{id}/<b>",
        "/etc/passwd\\x",
    ],
)
def test_taken(text: str) -> None:
    """What Enrich takes for an address is taken."""
    assert complaint(text, PATH_MAX) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://", "no host"),
        ("https://?a=b", "no host"),
        ("http:", "nothing after its scheme"),
        ("mailto:a|b", "percent-encoded"),
        (":80", "no scheme"),
        ("192.0.2.1:8080/path", "no scheme"),
        ("1http://example.com/", "no scheme"),
        ("http://exa<mple.com/", "no host name"),
        ("http://exa%mple.com/", "no host name"),
        ("http://[2001:db8::zz]/", "no IPv6"),
        ("http://example.com]/", "no IPv6"),
        ("safari-web-extension://abc/", "scheme longer than the 16"),
        (f"http://{'h' * 256}/", "host longer than the 255"),
        (f"/{'p' * 3_000}", "path longer than the 3000"),
        (f"/?{'q' * 6_001}", "query longer than the 6000"),
        (f"/#{'f' * 3_001}", "fragment longer than the 3000"),
        (f"/{'|' * 1_000}", "path longer"),  # three characters each, once percent-encoded
    ],
)
def test_refused(text: str, says: str) -> None:
    """What Enrich refuses, or might, is refused, and the complaint says why."""
    assert says in complaint(text, PATH_MAX)


@given(st.text(max_size=80), st.sampled_from(["", "http://", "//", "http://[", "a:", "/?"]))
def test_any_text_gets_an_answer(text: str, start: str) -> None:
    """No text makes the check fail."""
    assert isinstance(complaint(start + text, PATH_MAX), str)


def test_a_long_address_is_quickly_judged() -> None:
    """The patterns take time in proportion to the length, also when they fail at the end."""
    for text in ("a" * 100_000 + "<", "http://" + "a" * 100_000 + "<", "mailto:" + "%41" * 50_000):
        assert complaint(text, PATH_MAX)
