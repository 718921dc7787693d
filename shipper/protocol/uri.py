"""Would Enrich take this text as a page or referrer address?

Enrich parses with Java's ``java.net.URI`` after turning spaces into ``%20``, and when that fails
tries once more with a forgiving parser, which percent-encodes what has no place in a path, a
query or a fragment. So:

Rule 1: what Java takes is taken; nearly any text is a relative address.
Rule 2: odd characters and broken percent signs are forgiven after the authority, not in it.
Rule 3: scheme, authority and an opaque part (``mailto:…``) must be right. Where we can't be sure
that the forgiving parser helps, we say no: a column left out costs less than an event.
Rule 4: lengths are those of what Enrich stores: after its clean-up, in UTF-16 units.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import quote

_PARTS = re.compile(
    r"(?:(?P<scheme>[^:/?#]*):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")
# What Java calls "other" characters: beyond ASCII, without spaces and controls.
_OTHER = r"[^\x00-\x7f\x80-\x9f\s]"
_ESCAPED = r"%[0-9a-fA-F]{2}"
_AUTHORITY = re.compile(rf"(?:[a-zA-Z0-9_\-!.~'()*$,;:@&=+]|{_ESCAPED}|{_OTHER})*")
_LITERAL = re.compile(rf"(?:(?:[a-zA-Z0-9_\-!.~'()*;:&=+$,]|{_ESCAPED})*@)?\[([^\]]*)\](?::\d*)?")
_LEGAL = re.compile(rf"(?:[a-zA-Z0-9_\-!.~'()*;/?:@&=+$,\[\]#]|{_ESCAPED}|{_OTHER})*")
_LEGAL_PLACES = re.compile(r"[^\[\]]*")

# Most addresses are as plain as this, in which nothing can be wrong.
_PLAIN = re.compile(
    r"https?://[a-zA-Z0-9.-]{1,200}(?::[0-9]{1,5})?"
    r"(?:/[a-zA-Z0-9/._~-]{0,200})?(?:\?[a-zA-Z0-9=&._~-]{0,200})?"
)

SCHEME_MAX, HOST_MAX = 16, 255


@lru_cache(maxsize=4096)
def complaint(text: str, path_max: int, query_max: int = 6000, fragment_max: int = 3000) -> str:
    """Say why Enrich would refuse *text* as an address, or return an empty string.

    The limits are the columns' lengths for its parts; scheme and host have theirs above.
    """
    if _PLAIN.fullmatch(text):
        return ""
    match = _PARTS.fullmatch(text.replace(" ", "%20"))
    scheme, authority, path, query, fragment = match.groups() if match else ("",) * 5
    wrong = _wrong_start(scheme, authority, path, query)
    if wrong:
        return wrong
    limits = (
        ("scheme", scheme, SCHEME_MAX),
        ("host", authority, HOST_MAX),
        ("path", path, path_max),
        ("query", query, query_max),
        ("fragment", fragment, fragment_max),
    )
    for name, part, limit in limits:
        if part and len(part) * 9 > limit and _stored_length(part) > limit:
            return f"has a {name} longer than the {limit} characters that fit"
    return ""


def _wrong_start(scheme: str | None, authority: str | None, path: str, query: str | None) -> str:
    if scheme is not None and not _SCHEME.fullmatch(scheme):
        return f"begins with {scheme[:40]!r} and a colon, which is no scheme such as 'https'"
    if authority is None:
        opaque = scheme is not None and not path.startswith("/")
        return _wrong_opaque(path, query) if opaque else ""
    if not authority:
        return "" if path else "names no host after '//'"
    return _wrong_authority(authority)


def _wrong_opaque(path: str, query: str | None) -> str:
    rest = path if query is None else f"{path}?{query}"
    if not rest:
        return "has nothing after its scheme"
    if not _LEGAL.fullmatch(rest):
        return "has a character that must be percent-encoded"
    return ""


def _wrong_authority(authority: str) -> str:
    if "[" in authority or "]" in authority:
        return "" if _is_literal(authority) else "has square brackets around no IPv6 address"
    if not _AUTHORITY.fullmatch(authority):
        return f"has a character that no host name may have: {authority[:100]!r}"
    return ""


def _is_literal(authority: str) -> bool:
    match = _LITERAL.fullmatch(authority)
    try:
        return bool(match and IPv6Address(match[1]))
    except AddressValueError:
        return False


def _stored_length(part: str) -> int:
    if _LEGAL.fullmatch(part) and _LEGAL_PLACES.fullmatch(part):
        return len(part) + sum(character > "\uffff" for character in part)
    return len(quote(part, safe="/?:@!$&'()*+,;=~", errors="replace"))
