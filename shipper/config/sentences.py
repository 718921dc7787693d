"""From the validator's errors to sentences that name the place, the mistake and the remedy.

Rule 1: a value is repeated only if it stands in no secret place (`references.is_secret`).
Rule 2: an unknown key is answered with the known key it resembles, here or elsewhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from shipper.config.fields import kind_of, shown
from shipper.config.models import Config
from shipper.config.references import is_secret, key_text
from shipper.errors import Problem
from shipper.formats.located_yaml import Located, Path_

Sentence = tuple[str, str]
_Context = Mapping[str, Any]

EXAMPLES = {
    "collector": 'collector: {url: "https://collector.example.com"}',
    "url": "url: https://collector.example.com",
    "sources": "sources: [{name: web, paths: [/var/log/nginx/access.log], grammar: nginx_access}]",
    "name": "name: web",
    "paths": "paths: [/var/log/nginx/access.log]",
    "grammar": "grammar: nginx_access",
    "schema": "schema: iglu:com.example/host/jsonschema/1-0-0",
    "data": "data: {rack: A7}",
}


def problems(error: ValidationError, located: Located) -> Iterator[tuple[Path_, Problem]]:
    """Yield each mistake of *error* with the path of the key that it stands at."""
    for detail in error.errors(include_url=False):
        path = _written(tuple(detail["loc"]), located)
        value = (kind_of if is_secret(path) else shown)(detail["input"])
        what, remedy = _sentence(detail["type"], detail.get("ctx", {}), value, path)
        what = what or detail["msg"]
        yield path, Problem(located.where(path), key_text(path), what, remedy)


def _written(path: Path_, located: Located) -> Path_:
    """Return *path* without what the validator adds to it: key markers, the index of a sole item"""
    if path and path[-1] == "[key]":
        path = path[:-1]
    while path and isinstance(path[-1], int) and path not in located.lines:
        path = path[:-1]
    return path


def _sentence(kind: str, context: _Context, value: str, path: Path_) -> Sentence:
    if kind == "extra_forbidden":
        return "is not a known key", _nearest(path)
    if kind == "missing":
        return "is missing", f"write it like {EXAMPLES.get(str(path[-1]), path[-1])}"
    if value == "nothing" and kind.endswith("_type"):
        return "is empty", "write a value, or leave the key out"
    say = _SENTENCES.get(kind)
    return say(value, context) if say else ("", "see docs/configuration.md")


_QUOTE = "put it in quotes if it is meant as text"
_SENTENCES: dict[str, Callable[[str, _Context], Sentence]] = {
    "shipper": lambda _, c: (c["what"], c["remedy"]),
    "model_type": lambda v, _: (f"is {v}, not a mapping", "write its keys below it, indented"),
    "dict_type": lambda v, _: (f"is {v}, not a mapping", "write its keys below it, indented"),
    "tuple_type": lambda v, _: (f"is {v}, not a list", "start each item with a dash, or use [ ]"),
    "string_type": lambda v, _: (f"is {v}, not a text", _QUOTE),
    "path_type": lambda v, _: (f"is {v}, not a path", _QUOTE),
    "string_too_short": lambda *_: ("is empty", "write a value"),
    "string_too_long": lambda _, c: (f"is longer than {c['max_length']} characters", "shorten it"),
    "string_pattern_mismatch": lambda v, _: (
        f"{v} can't be a name",
        "use 1 to 64 letters, digits, dots, dashes and underscores",
    ),
    "literal_error": lambda v, c: (f"{v} is not among the choices", f"use {c['expected']}"),
    "int_type": lambda v, _: (f"{v} is not a number", "write a whole number"),
    "int_parsing": lambda v, _: (f"{v} is not a number", "write a whole number"),
    "int_from_float": lambda v, _: (f"{v} is not a whole number", "write a whole number"),
    "bool_type": lambda v, _: (f"{v} is neither true nor false", "write true or false"),
    "bool_parsing": lambda v, _: (f"{v} is neither true nor false", "write true or false"),
    "greater_than_equal": lambda v, c: (f"{v} is too small", f"use at least {c['ge']:,}"),
    "less_than_equal": lambda v, c: (f"{v} is too large", f"use at most {c['le']:,}"),
}


def _nearest(path: Path_) -> str:
    key = str(path[-1])[:60]
    here = dict(fields(_group_at(path[:-1])))
    if near := difflib.get_close_matches(key, here, n=1):
        return f"did you mean {near[0]!r}?"
    # Most keys that are at home elsewhere are those of a source.
    for place in sorted(key_paths(), key=lambda place: not place.startswith("sources")):
        if place.rpartition(".")[2] == key:
            return f"did you mean {place!r}?"
    return f"known keys here are {', '.join(here)}"


def _group_at(path: Path_) -> type[BaseModel]:
    group: type[BaseModel] = Config
    for key in path:
        if isinstance(key, str):
            group = dict(fields(group))[key] or group
    return group


def fields(group: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel] | None]]:
    """Yield the keys of *group* as they are written, and the group that stands below each."""
    for name, field in group.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        yield field.alias or name, inner[0] if inner else None


def key_paths(group: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Yield the path of every key there is, such as ``collector.retry.cap``, ``sources[].name``."""
    for (name, inner), field in zip(fields(group), group.model_fields.values(), strict=True):
        yield f"{prefix}{name}"
        if inner is not None:
            listed = get_origin(field.annotation) is tuple
            yield from key_paths(inner, f"{prefix}{name}{'[].' if listed else '.'}")
