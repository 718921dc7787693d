"""Logstash's filters that read a line: grok, dissect, json, kv and csv.

Rule 1: a setting that is not known, or has no counterpart, is a Loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from shipper.errors import GrammarError
from shipper.grammar.foreign.dissect import pattern_of
from shipper.grammar.foreign.logstash_syntax import Plugin
from shipper.grammar.foreign.logstash_values import (
    COMMON,
    WHOLE,
    name_of,
    pairs,
    source_of,
    texts,
)
from shipper.grammar.foreign.onigmo import ASCII_ONLY, ascii_only, ours
from shipper.grammar.foreign.parts import FieldType, Foreign, Lose
from shipper.grammar.patterns import read_pattern_directories
from shipper.grammar.reference import GrokError

TYPES: Final[dict[str, FieldType]] = {
    "integer": "integer",
    "int": "integer",
    "float": "number",
    "boolean": "boolean",
    "string": "string",
}
_MUTATES: Final = frozenset(["add_field", "remove_field", "add_tag", "remove_tag"])
"""Settings that every filter has, and that `logstash_changes` takes."""

_KNOWN: Final = {
    "grok": {"match", "patterns_dir", "patterns_files_glob", "pattern_definitions", "overwrite"},
    "dissect": {"mapping", "convert_datatype"},
    "json": {"source", "skip_on_invalid_json"},
    "kv": {"source", "field_split", "value_split"},
    "csv": {"source", "columns", "separator", "quote_char", "convert"},
}
READERS: Final = frozenset(_KNOWN)
_NEUTRAL: Final = {
    **{"break_on_match": "true", "named_captures_only": "true", "keep_empty_captures": "false"},
    **{"autodetect_column_names": "false", "trim_key": "", "trim_value": ""},
}
_OTHER_FIELD: Final = (
    "is not the whole line: make a grammar of it, and name it by then: in the one before"
)


def read_reader(plugin: Plugin, folder: Path, lose: Lose) -> Foreign | None:
    """Return the grammar of one filter, None if it reads no line. *lose* is told why."""
    made = Foreign("", plugin.label or f"filter {plugin.name} of Logstash", plugin.where)
    read: Callable[[Plugin, Foreign, Path, Lose], bool] = {
        "grok": _grok,
        "dissect": _dissect,
        "json": _json,
        "kv": _kv,
        "csv": _csv,
    }[plugin.name]
    for key, value, where in plugin.settings:
        if key not in _KNOWN[plugin.name] | COMMON | _MUTATES and str(value) != _NEUTRAL.get(key):
            lose(where, f"{plugin.name} {key} => {_shown(value)}", "has no counterpart")
    return made if read(plugin, made, folder, lose) else None


def _shown(value: object) -> str:
    text = ", ".join(texts(value)) or "…"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _whole(plugin: Plugin, field: str, key: str, lose: Lose) -> bool:
    if field in WHOLE:
        return True
    lose(plugin.place(key), f"{plugin.name} of {field}", _OTHER_FIELD)
    return False


def _grok(plugin: Plugin, made: Foreign, folder: Path, lose: Lose) -> bool:
    made.patterns = dict(_definitions(plugin, folder, lose))
    for field, value in pairs(plugin.get("match")):
        if not _whole(plugin, name_of(field), "match", lose):
            continue
        for text in texts(value):
            try:
                made.match.append(ours(text))
            except GrokError as error:
                lose(plugin.place("match"), f"the pattern {_shown(text)}", _why(error))
            for each in ascii_only(text):
                lose(plugin.place("match"), each, ASCII_ONLY)
    return bool(made.match)


def _why(error: GrokError) -> str:
    return f"{error.what} ({error.remedy})" if error.remedy else error.what


def _definitions(plugin: Plugin, folder: Path, lose: Lose) -> Iterator[tuple[str, str]]:
    """Yield the named expressions that the filter brings along."""
    for text in texts(plugin.get("patterns_dir") or []):
        try:
            book = read_pattern_directories([folder / text])
        except GrammarError as error:
            what = "; ".join(problem.what for problem in error.problems)
            lose(plugin.place("patterns_dir"), f"patterns_dir {text}", f"{what}: give --patterns")
            continue
        yield from ((name, book[name].text) for name in book)
    for name, value in pairs(plugin.get("pattern_definitions")):
        yield name, str(value)


def _dissect(plugin: Plugin, made: Foreign, _folder: Path, lose: Lose) -> bool:
    for field, value in pairs(plugin.get("mapping")):
        if not _whole(plugin, name_of(field), "mapping", lose):
            continue
        try:
            made.match.append(f"^{pattern_of(str(value))}$")
        except GrokError as error:
            lose(plugin.place("mapping"), f"dissect {_shown(value)}", _why(error))
    _types(plugin, "convert_datatype", made, lose)
    return bool(made.match)


def _types(plugin: Plugin, key: str, made: Foreign, lose: Lose) -> None:
    for name, value in pairs(plugin.get(key)):
        if str(value) in TYPES:
            made.types[name_of(name)] = TYPES[str(value)]
        else:
            lose(plugin.place(key), f"{name} => {value}", "is no type that is known")


def _json(plugin: Plugin, made: Foreign, _folder: Path, lose: Lose) -> bool:
    made.parse = "json"
    return _whole(plugin, source_of(plugin), "source", lose)


def _kv(plugin: Plugin, made: Foreign, _folder: Path, lose: Lose) -> bool:
    made.parse = "kv"
    split, sign = str(plugin.get("field_split") or " "), str(plugin.get("value_split") or "=")
    if len(split) > 1 or len(sign) > 1:
        what = f"field_split {split!r}, value_split {sign!r}"
        lose(plugin.where, what, "several signs part the pairs: separator and assign take one text")
        return False
    made.options = {"bare": "word"} if split == " " else {"separator": split}
    if sign != "=":
        made.options["assign"] = sign
    return _whole(plugin, source_of(plugin), "source", lose)


def _csv(plugin: Plugin, made: Foreign, _folder: Path, lose: Lose) -> bool:
    made.parse = "csv"
    columns = [name_of(text) for text in texts(plugin.get("columns") or [])]
    if not columns:
        lose(plugin.where, "csv", "names no columns: a grammar has to")
        return False
    made.options = {"columns": columns}
    for theirs, key in (("separator", "separator"), ("quote_char", "quote")):
        if (value := plugin.get(theirs)) is not None:
            made.options[key] = str(value).replace(r"\t", "\t")
    _types(plugin, "convert", made, lose)
    return _whole(plugin, source_of(plugin), "source", lose)
