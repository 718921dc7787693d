"""From a checked specification and its compiled patterns to a Grammar that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from shipper.grammar.cef import read_cef, read_leef
from shipper.grammar.chain import Chain, ClashError, Reader, WholeReader, merged_fields
from shipper.grammar.checks import check_atomic
from shipper.grammar.derive import TABLES
from shipper.grammar.fault import Fault
from shipper.grammar.grammar import Grammar, Locate, Parse
from shipper.grammar.grok import Compiled, Patterns
from shipper.grammar.headers import under_header
from shipper.grammar.json_text import read_object
from shipper.grammar.keyed_reader import KeyedReader
from shipper.grammar.logfmt import read_pairs
from shipper.grammar.match_reader import MatchReader
from shipper.grammar.pairs import Pairs
from shipper.grammar.patterns import PatternBook
from shipper.grammar.prefix import ReadRecord, after_prefix
from shipper.grammar.reading_filter import prefilter
from shipper.grammar.rows import Rows, W3cRows
from shipper.grammar.shape import Shape
from shipper.grammar.shaping import (
    inherited_atomic,
    sampling,
    shaped_always,
    shaped_parse,
    shaped_spec,
    shapes,
)
from shipper.grammar.shaping_checks import check_shaping
from shipper.grammar.spans import Span
from shipper.grammar.spec import FieldSpec, GrammarSpec
from shipper.grammar.suggest import did_you_mean
from shipper.grammar.time_limit import in_time
from shipper.model import Dropped, Parsed

_WHOLE = ""  # the field that holds the record, where `then` reads all of it


class Shelf(Protocol):
    """Where a grammar finds the others that it names."""

    @property
    def loading(self) -> Sequence[str]:
        """The names of the grammars that are being loaded, each because of the one before it."""

    def names(self) -> Sequence[str]:
        """Return the names of all grammars."""

    def get(self, name: str) -> Grammar:
        """Return the grammar *name*. Raises GrammarError."""


class _Nothing:
    loading: Sequence[str] = ()

    def names(self) -> Sequence[str]:
        return ()

    def get(self, name: str) -> Grammar:
        raise KeyError(name)


NOTHING: Shelf = _Nothing()
"""A shelf without any grammar."""


def inner_grammars(spec: GrammarSpec, shelf: Shelf) -> tuple[list[Grammar], list[Fault]]:
    """Return the grammars that `then` names, and what is wrong with their names.

    Raises GrammarError if one of them can't be loaded.
    """
    found, faults = [], []
    for index, name in enumerate(spec.then.grammar if spec.then else ()):
        place = ("then", "grammar", index)
        if name == spec.name:
            continue  # reported with the other keys
        if name in shelf.loading:
            ring = " -> ".join([*shelf.loading[list(shelf.loading).index(name) :], name])
            faults.append(Fault(place, f"the grammars refer to each other: {ring}", "break it"))
        elif name not in shelf.names():
            remedy = did_you_mean(name, shelf.names())
            faults.append(Fault(place, f"there is no grammar {name!r}", remedy))
        else:
            found.append(shelf.get(name))
    return found, faults


def build(
    spec: GrammarSpec, patterns: Patterns, inner: Sequence[Grammar], book: PatternBook, where: str
) -> tuple[Grammar | None, list[Fault]]:
    """Return the grammar, or what is wrong with how it fits with the *inner* ones."""
    own = _resolve(spec, patterns.match)
    try:
        full = _with_inner(own, inner)
    except ClashError as clash:
        what = f"the field {clash.field!r} of {clash.grammar} is of another type than before"
        return None, [Fault(("then", "grammar"), what, "let one of them name it differently")]
    if faults := list(check_shaping(full, book)):
        return None, faults
    spec = shaped_spec(full)
    atomic = {k: f for k, f in inherited_atomic(full, inner).items() if f in spec.fields}
    spec = spec.model_copy(update={"atomic": {**atomic, **spec.atomic}})
    if faults := list(check_atomic(spec)):
        return None, faults
    reader = _reader(own, patterns, inner)
    parse = _ignoring(own.name, patterns.ignore, reader.parse)
    if shapes(full):
        parse = shaped_parse(full, book, parse)
    return (
        Grammar(
            spec=spec,
            where=where,
            expressions=tuple(compiled.expression for compiled in patterns.match),
            always=shaped_always(full, _always(own, patterns.match, inner)),
            atomic=MappingProxyType(dict(spec.atomic)),
            parse=parse,
            explain=reader.explain,
            prefilter=prefilter(own, patterns, inner),
            spans=_under_new_names(reader, full.rename),
            sampling=sampling(spec, book),
            at_work=under_header(parse, reader.explain, own.name) if own.parse == "w3c" else None,
            plain=reader.plain if isinstance(reader, MatchReader) and not shapes(full) else None,
        ),
        [],
    )


def _under_new_names(reader: Reader, renamed: Mapping[str, str]) -> Locate:
    if not renamed:
        return reader.spans

    def spans(text: str, now_us: int) -> list[Span]:
        found = reader.spans(text, now_us)
        return [span._replace(field=renamed.get(span.field, span.field)) for span in found]

    return spans


def _reader(spec: GrammarSpec, patterns: Patterns, inner: Sequence[Grammar]) -> Reader:
    shape = Shape(spec)
    outer: Reader
    if spec.parse:
        read = _record_reader(spec)
        outer = KeyedReader(
            shape, after_prefix(patterns.prefix, read, spec.name) if patterns.prefix else read
        )
    elif spec.match:
        outer = MatchReader(shape, patterns.match)
    else:
        outer = WholeReader(spec.name, _WHOLE)
    if spec.then is None:
        return outer
    return Chain(spec, outer, inner, spec.then.field or _WHOLE)


def _record_reader(spec: GrammarSpec) -> ReadRecord:
    match spec.parse:
        case "json":
            return read_object
        case "cef":
            return read_cef
        case "leef":
            return read_leef
        case "kv":
            return Pairs(
                separator=spec.separator,
                assign=spec.assign or "=",
                quote="\"'" if spec.quote is None else spec.quote,
                words=spec.bare == "word",
                first=spec.duplicates == "first",
            ).read
        case "csv" | "w3c":
            return _rows(spec)
        case _:
            return read_pairs


def _rows(spec: GrammarSpec) -> ReadRecord:
    separator = spec.separator or ("," if spec.parse == "csv" else " ")
    quote = '"' if spec.quote is None else spec.quote
    columns = spec.columns or ()
    rows = Rows(columns, least=spec.min_columns, separator=separator, quote=quote)
    return rows.read if spec.parse == "csv" else W3cRows(rows, columns, spec.min_columns).read


def _ignoring(name: str, ignored: Sequence[Compiled], parse: Parse) -> Parse:
    """Return *parse* over texts that none of the patterns *ignored* takes."""
    if not ignored:
        return parse
    takes = [in_time(each.pattern.fullmatch, each.expression, name) for each in ignored]

    def parse_rest(text: str, now_us: int) -> Parsed | None:
        parsed = parse(text, now_us)
        if parsed is None and any(fullmatch(text) for fullmatch in takes):
            return Dropped(name, {}, None)
        return parsed

    return parse_rest


def _with_inner(spec: GrammarSpec, inner: Sequence[Grammar]) -> GrammarSpec:
    """Return *spec* with what the *inner* grammars add. Raises ClashError."""
    if not inner:
        return spec
    keep = spec.extra == "keep" or any(grammar.spec.extra == "keep" for grammar in inner)
    more = {
        "fields": merged_fields(spec.fields, inner),
        "extra": "keep" if keep else spec.extra,
    }
    return spec.model_copy(update=more)


def _resolve(spec: GrammarSpec, patterns: Sequence[Compiled]) -> GrammarSpec:
    """Fill in what the file left to defaults: types, what to do with extra keys."""
    written = {c.field: c.type for compiled in patterns for c in compiled.captures if c.type}
    fields = {name: _resolve_field(field, written.get(name)) for name, field in spec.fields.items()}
    extra = (spec.extra or "keep") if spec.parse else None
    return spec.model_copy(update={"fields": fields, "extra": extra})


def _resolve_field(field: FieldSpec, written: str | None) -> FieldSpec:
    if field.derive:
        (table,) = field.derive
        return field.model_copy(
            update={"type": "string", "values": tuple(dict.fromkeys(TABLES[table].values()))}
        )
    return field.model_copy(update={"type": field.type or written or "string"})


def _always(
    spec: GrammarSpec, patterns: Sequence[Compiled], inner: Sequence[Grammar]
) -> frozenset[str]:
    """Return the fields that every record has."""
    sets = [{c.field for c in compiled.captures if c.always} for compiled in patterns]
    given = set.intersection(*sets) if sets else set()
    own = {
        name
        for name, field in spec.fields.items()
        if (field.required and not field.trim)
        or (name in given and not field.none and field.on_error == "reject")
    }
    if inner and spec.then and spec.then.otherwise == "refuse":
        own |= frozenset.intersection(*(grammar.always for grammar in inner))
    return frozenset(own)
