"""References in the configuration: ``${VAR}``, ``${VAR:-default}``, ``$$``, and ``file:`` secrets.

Rule 1: references are followed in text values after the YAML is parsed, never in keys, so what a
variable holds can't become YAML.
Rule 2: ``${VAR}`` must be set (empty is fine); ``${VAR:-default}`` takes the default if it is unset
or empty, as a shell does; ``$$`` is one dollar; any other dollar stands for itself.
Rule 3: ``file:PATH`` is followed in secret places only, and only where it is written in the
configuration: a variable that holds ``file:…`` is just a text.
Rule 4: no error text repeats what a variable or a secret file holds.
Rule 5: what is a secret for certain (a password, what an Authorization header holds) is refused
where it stands in the configuration itself: that is copied, shown and kept in histories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shipper.config.fields import shown
from shipper.errors import Problem
from shipper.formats.located_yaml import Located, Path_, read_bounded

MAX_SECRET_BYTES = 65_536

_REFERENCE = re.compile(r"\$(?:\$|\{([^}]*)(\}?))")
_BODY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SECRETS = {
    ("collector", "headers"),
    ("collector", "password"),
    ("collector", "proxy"),
    ("status", "token"),
}
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie"}
_PASSWORD_IN_ADDRESS = re.compile(r"(?:\w+://)?[^/@]*:[^/@]+@")
_HALF = re.compile("[\ud800-\udfff]")


def is_secret(path: Path_) -> bool:
    """Tell whether the value at *path* is a secret: never shown, and open to ``file:``."""
    return path[:2] in _SECRETS


def _is_secret_for_certain(text: str, path: Path_) -> bool:
    match path:
        case ("collector", "password") | ("status", "token"):
            return bool(text)
        case ("collector", "proxy"):
            return _PASSWORD_IN_ADDRESS.match(text) is not None
        case ("collector", "headers", str(name)):
            return name.lower() in _SECRET_HEADERS
        case _:
            return False


def key_text(path: Path_) -> str:
    """Return *path* as people write it: ``sources[0].paths[1]``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path]
    if is_secret(path) and parts[2:]:
        # A header written as one text has its value in the key.
        parts[2] = parts[2].partition(":")[0]
    text = "".join(parts).removeprefix(".")
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


class References:
    """Follows every reference of one document; `problems` collects those that lead nowhere."""

    def __init__(self, located: Located, environ: Mapping[str, str]) -> None:
        self.problems: dict[Path_, Problem] = {}
        self._located = located
        self._environ = environ

    def follow(self, value: Any, path: Path_ = ()) -> Any:
        """Return *value*, which stands at *path*, with its references followed."""
        match value:
            case dict():
                return {key: self.follow(inner, (*path, key)) for key, inner in value.items()}
            case list():
                return [self.follow(inner, (*path, index)) for index, inner in enumerate(value)]
            case str() if is_secret(path) and value.startswith("file:"):
                return self._secret(value, self._text(value, path), path)
            case str() if "${" not in value and _is_secret_for_certain(value, path):
                what = "holds a secret that stands in the configuration itself"
                return self._wrong(path, what, "write ${NAME} for a variable, or file:PATH")
            case str() if "$" in value:
                return self._text(value, path)
            case _:
                return value

    def _text(self, text: str, path: Path_) -> str:
        return _REFERENCE.sub(lambda match: self._replacement(match, path), text)

    def _replacement(self, match: re.Match[str], path: Path_) -> str:
        if match[0] == "$$":
            return "$"
        body = _BODY.fullmatch(match[1])
        if not match[2] or body is None or "${" in (body[2] or ""):
            what = f"holds {shown(match[0])}, which is no reference"
            return self._wrong(path, what, "write ${NAME} or ${NAME:-default}; $$ is one dollar")
        name, default = body[1], body[2]
        value = self._environ.get(name)
        if default is not None and not value:
            return default
        if value is None:
            what = f"needs the environment variable {name}, which is not set"
            return self._wrong(path, what, f"set it, or give a default: ${{{name}:-…}}")
        if _HALF.search(value):
            what = f"takes the environment variable {name}, which is not UTF-8 text"
            return self._wrong(path, what, "set it to plain text")
        return value

    def _secret(self, written: str, reference: str, path: Path_) -> str:
        if path in self.problems:
            return ""
        named = f"the secret file {shown(written.removeprefix('file:'))}"
        try:
            file = Path(reference.removeprefix("file:")).expanduser()
            raw = read_bounded(file, limit=MAX_SECRET_BYTES + 1)
            text = raw.decode("utf-8")
        except OSError as error:
            reason = (error.strerror or "no reason given").lower()
            return self._wrong(path, f"can't read {named}: {reason}", "check the path and its mode")
        except (ValueError, RuntimeError):
            return self._wrong(path, f"can't use {named}: it is no UTF-8 text", "check its content")
        text = text.removesuffix("\n").removesuffix("\r")
        if not text or len(raw) > MAX_SECRET_BYTES:
            what = "it is empty" if not text else f"it is longer than {MAX_SECRET_BYTES:,} bytes"
            return self._wrong(path, f"can't use {named}: {what}", "check its content")
        return text

    def _wrong(self, path: Path_, what: str, remedy: str) -> str:
        problem = Problem(self._located.where(path), key_text(path), what, remedy)
        self.problems.setdefault(path, problem)
        return ""
