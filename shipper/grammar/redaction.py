"""Hides what a field says: a keyed hash, a shorter address, another text for a part of it.

Rule 1: what can't be hidden as asked is left out. A value that is no address, where an address was
to be shortened, gives no field.
Rule 2: a hash is HMAC-SHA256 under a secret that no grammar file holds: it is named as ``${NAME}``
of the environment, or ``file:PATH``. The same value gives the same hash, so people can be counted
and not be known.
Rule 3: a grammar whose secret is missing is refused; nothing is sent in the clear instead.
Rule 4: no error text repeats a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import orjson

from shipper.grammar.fault import Fault
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook
from shipper.grammar.reference import GrokError
from shipper.grammar.shaping_spec import RedactSpec
from shipper.grammar.spec import FieldSpec
from shipper.grammar.time_limit import LIMIT, SlowMatchError

Redact = Callable[[Any], Any]

HASH_LENGTH: Final = 64
"""The hexadecimal digits of a hash, unless `length` asks for fewer."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_MOST: Final = 65_536  # bytes of a secret file


class SecretError(ValueError):
    """A secret can't be had. `what` says why, `remedy` what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def redactor(spec: RedactSpec, longest: int, book: PatternBook, name: str) -> Redact:
    """Return the function from a value to what may be told, None for nothing.

    A text is at most *longest* characters then; *name* is that of the grammar. Raises SecretError.
    """
    if spec.hash is not None:
        return _hash(_secret(spec.hash), spec.length or HASH_LENGTH)
    if spec.keep_bits is not None:
        return _shorten(*spec.keep_bits)
    return _replace(spec, longest, book, name)


def redacted_field(field: FieldSpec, spec: RedactSpec) -> FieldSpec:
    """Return what *field* is after *spec* was applied."""
    if spec.keep_bits is not None:
        return field.model_copy(update={"type": "ip", "values": None, "derive": None})
    longest = spec.length or HASH_LENGTH if spec.hash is not None else field.longest()
    text = {"type": "string", "values": None, "derive": None, "on_long": "truncate"}
    return field.model_copy(update={**text, "max_length": longest})


def check_redaction(
    spec: RedactSpec, field: FieldSpec | None, book: PatternBook
) -> Iterator[Fault]:
    """Yield what is wrong with how *field* is to be hidden."""
    ways = [key for key in ("hash", "keep_bits", "replace") if getattr(spec, key) is not None]
    if len(ways) != 1:
        yield Fault((), "needs one of `hash`, `keep_bits`, `replace`", "name one way")
    if spec.length is not None and spec.hash is None:
        yield Fault(("length",), "belongs to `hash`", "leave it out")
    if (spec.by is None) != (spec.replace is None):
        yield Fault(("by",), "belongs to `replace`, which needs it", "replace: '\\d+', by: '*'")
    if spec.replace is not None:
        yield from _check_replace(spec.replace, field, book)
    if spec.hash is not None:
        try:
            _secret(spec.hash)
        except SecretError as error:
            yield Fault(("hash",), error.what, error.remedy)


def _check_replace(pattern: str, field: FieldSpec | None, book: PatternBook) -> Iterator[Fault]:
    if field is not None and field.type not in (None, "string", "enum"):
        yield Fault(("replace",), f"a {field.type} is no text", "hash it, or drop it")
    try:
        compile_grok(pattern, book)
    except GrokError as error:
        yield Fault(("replace",), error.what, error.remedy)


def _secret(reference: str) -> bytes:
    if found := _VARIABLE.fullmatch(reference):
        secret = os.environ.get(found[1], "").encode("utf-8", "surrogateescape")
        if not secret:
            raise SecretError(f"the environment has no {found[1]}", "set it, or name a file:PATH")
        return secret
    if not reference.startswith("file:"):
        raise SecretError("is no reference to a secret", "write '${NAME}' or file:PATH")
    try:
        with Path(reference.removeprefix("file:")).open("rb") as file:
            secret = file.read(_MOST).strip()
    except OSError as error:
        what = f"can't read the secret: {error.strerror}"
        raise SecretError(what, "check path and permissions") from error
    if not secret:
        raise SecretError("the secret is empty", "write one into the file")
    return secret


def _hash(secret: bytes, length: int) -> Redact:
    keyed = hmac.new(secret, digestmod=hashlib.sha256)

    def redact(value: Any) -> str:
        state = keyed.copy()
        text = value.encode("utf-8", "replace") if isinstance(value, str) else orjson.dumps(value)
        state.update(text)
        return state.hexdigest()[:length]

    return redact


def _shorten(ipv4: int, ipv6: int) -> Redact:
    def redact(value: Any) -> str | None:
        try:
            address = ip_address(value) if isinstance(value, str) else None
        except ValueError:
            return None
        if address is None:
            return None
        bits = ipv4 if isinstance(address, IPv4Address) else ipv6
        plain = str(address).partition("%")[0]
        return str(ip_network(f"{plain}/{bits}", strict=False).network_address)

    return redact


def _replace(spec: RedactSpec, longest: int, book: PatternBook, name: str) -> Redact:
    pattern = compile_grok(spec.replace or "", book).pattern
    by = spec.by or ""

    def redact(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            text: str = pattern.sub(lambda _: by, value, timeout=LIMIT)
        except TimeoutError:
            raise SlowMatchError(name) from None
        return text[:longest] or None

    return redact
