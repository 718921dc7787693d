"""Tokenizers of dissect, as Logstash and Filebeat write them, as our patterns.

Rule 1: a key runs to the first place where the text behind it stands; the last one to the end.
"""

from __future__ import annotations

import re
from typing import Final

from shipper.grammar.format_strings.clock import escape
from shipper.grammar.reference import GrokError

_KEY = re.compile(r"%\{([^}]*)\}")
_MODIFIERS: Final = {
    "+": "joins two parts to one field",
    "&": "takes a field's name from the line",
    "*": "takes a field's name from the line",
}


def pattern_of(tokenizer: str) -> str:
    """Return the pattern for *tokenizer*. Raises GrokError for what it can't say."""
    keys = list(_KEY.finditer(tokenizer))
    if not keys:
        raise GrokError("names no key", "write %{name}")
    out = [escape(tokenizer[: keys[0].start()])]
    for index, key in enumerate(keys):
        end = keys[index + 1].start() if index + 1 < len(keys) else len(tokenizer)
        out.append(_part(key[1], tokenizer[key.end() : end], last=index + 1 == len(keys)))
    return "".join(out)


def _part(key: str, behind: str, *, last: bool) -> str:
    """Return the expression for a key and the text behind it."""
    if key[:1] in _MODIFIERS:
        raise GrokError(f"%{{{key}}} {_MODIFIERS[key[0]]}", "name two fields")
    padded = key.endswith("->")
    name = key.removesuffix("->").split("|")[0].removeprefix("?")
    named = bool(name) and not key.startswith("?")
    if not behind:
        if not last:
            raise GrokError(f"nothing parts %{{{key}}} from the next key", "put a text between")
        return f"(?<{name}>.*)" if named else ".*"
    text = escape(behind)
    value = f"[^{_in_class(behind)}]*+" if len(behind) == 1 else f"(?:(?!{text}).)*+"
    return (f"(?<{name}>{value})" if named else value) + (f"(?:{text})++" if padded else text)


def _in_class(sign: str) -> str:
    return f"\\{sign}" if sign in r"\]^-[" else sign
