"""The pages of the shipped grammars, one a family, made of their files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import orjson

from shipper.grammar.families import family
from shipper.grammar.grammar import Grammar
from shipper.grammar.iglu import iglu_schema
from shipper.grammar.library import Library
from shipper.grammar.samples import as_expected
from shipper.grammar.times import TimeReader
from shipper.model import Dropped


@cache
def grammar_pages() -> dict[str, tuple[str, str]]:
    """Return title and Markdown of each page, by its path below ``docs``."""
    families: dict[str, list[Grammar]] = {}
    for grammar in Library().all():
        families.setdefault(family(grammar.name), []).append(grammar)
    return {
        f"grammars/{_slug(kind)}.md": (
            kind,
            "\n".join([f"# Grammars: {kind}\n", *map(_section, there)]),
        )
        for kind, there in families.items()
    }


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")


def _section(grammar: Grammar) -> str:
    return "\n".join([f"## {grammar.name}\n", *_body(grammar)])


def _body(grammar: Grammar) -> Iterator[str]:
    yield f"{_text(grammar.title)}.\n"
    if grammar.spec.description:
        yield f"{_text(grammar.spec.description)}\n"
    yield f"Schema: `{grammar.schema}`\n"
    rows = list(_rows(grammar))
    if rows:
        yield "| field | type | what |\n|---|---|---|"
        yield from rows
        yield ""
    yield from _example(grammar)


def _rows(grammar: Grammar) -> Iterator[str]:
    """Yield a row a field, with the types and limits of its schema."""
    columns = {name: key for key, name in grammar.atomic.items()}
    for name, schema in iglu_schema(grammar)["properties"].items():
        what = _text(schema.get("description", ""))
        also = f"; also the column `{columns[name]}`" if name in columns else ""
        yield f"| `{name}` | {_type(schema)} | {what}{also} |"


def _type(schema: dict[str, object]) -> str:
    """Return the type and the limits of a property, for people."""
    kinds = schema.get("type", "any")
    named = [
        str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind != "null"
    ]
    words = [" or ".join(named)]
    if "enum" in schema:
        words.append("one of a list")
    elif "minimum" in schema and "string" not in named:
        words.append(f"{schema['minimum']} to {schema.get('maximum', '…')}")
    elif "maxLength" in schema:
        words.append(f"at most {schema['maxLength']} characters")
    return ", ".join(words)


def _example(grammar: Grammar) -> Iterator[str]:
    """Yield the first sample that gives an event, and its fields."""
    for sample in grammar.spec.samples:
        if sample.expect is None:
            continue
        parsed = grammar.parse(sample.line, TimeReader(["iso8601"]).read(sample.now, 0) or 0)
        if parsed is None or isinstance(parsed, Dropped):
            continue
        fields = orjson.dumps(as_expected(parsed), option=orjson.OPT_INDENT_2).decode()
        yield f"````text\n{sample.line}\n````\n\n````json\n{fields}\n````\n"
        return


def _text(text: str) -> str:
    """Return *text* as Markdown shows it as it is."""
    return re.sub(r"([|<>*_`\\\[\]])", r"\\\1", " ".join(text.split()))
