"""Grammar files: what is wrong with one is said with its line, its key and a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.errors import GrammarError
from shipper.grammar.loader import load_grammar, parse_grammar
from tests.grammar.shelf import HEAD, core, grammar, problem, problems

GOOD = """\
match: ['%{INT:n} %{WORD:w}']
fields: {n: {type: integer}, w: {}}
"""


@pytest.mark.parametrize(
    ("body", "line", "key", "what", "remedy"),
    [
        ("match: ['%{INTT:n}']\nfields: {n: {}}", 4, "match.0", "unknown pattern", "'INT'"),
        (
            "match:\n  - '%{INT:n}'\n  - '(%{INT:n}'\nfields: {n: {}}",
            6,
            "match.1",
            "unclosed",
            "')'",
        ),
        ("match: ['%{INT:n}']", 4, "match.0", "field 'n' is not described", "`fields`"),
        ("match: [x]\nfields:\n  n: {}", 6, "fields.n", "no pattern gives", "leave it out"),
        ("match: ['%{INT:nn}']\nfields: {nn: {}, n: {}}", 5, "fields.n", "no pattern", "'nn'"),
        ("parse: jsn", 4, "parse", "is 'jsn'", "'json'"),
        ("parse: csv", 1, "", "needs `columns`", "name them"),
        ("parse: csv\ncolumns: [a, b, a]", 5, "columns.2", "stands twice", "once"),
        ("parse: csv\ncolumns: [a]\nmin_columns: 2", 6, "min_columns", "only 1", "lower"),
        ("parse: csv\ncolumns: [a]\nseparator: ', '", 6, "separator", "longer", "','"),
        ("parse: json\ncolumns: [a]", 5, "columns", "parse: csv and parse: w3c", "leave out"),
        (f"{GOOD}prefix: x", 6, "prefix", "belongs to `parse`", "leave out"),
        ("parse: kv\nassign: '='\nbare: all", 6, "bare", "is 'all'", "'blanks'"),
        ("parse: json\nprefix: ['%{NO}']", 5, "prefix.0", "unknown pattern", ""),
        ("parse: json\nignore: ['(']", 5, "ignore.0", "unclosed", "')'"),
        ("{}", 1, "", "needs either", "one of the two"),
        ("parse: json\nmatch: [x]", 1, "", "needs either", "one of the two"),
        ("match: []", 4, "match", "at least 1", ""),
        ("parse: json\nmatches: [x]", 5, "matches", "unknown key", "'match'"),
        ("parse: json\nthen: {}", 5, "then.grammar", "is missing", "add it"),
        ("parse: json\nthen: {grammar: json_lines}", 1, "", "needs either", "one of the two"),
        (
            "parse: json\nthen: {field: m, grammar: json_lines, otherwize: keep}",
            *(5, "then.otherwize", "unknown key", "'otherwise'"),
        ),
        (
            "parse: json\nthen: {field: m, grammar: it}",
            *(5, "then.grammar.0", "refers to itself", "another"),
        ),
        (
            "parse: json\nthen: {field: m, grammar: [it2]}",
            *(5, "then.grammar.0", "no grammar 'it2'", ""),
        ),
        (
            "parse: json\nthen: {field: m, grammar: json_lines, otherwise: keep}",
            *(5, "then.field", "not described", "`fields`"),
        ),
        (
            "parse: json\nthen: {field: m, grammar: json_lines, outer_time: at}",
            *(5, "then.outer_time", "no field 'at'", "timestamp"),
        ),
        (
            "parse: json\nfields: {m: {type: ip}}\nthen: {field: m, grammar: json_lines}",
            *(6, "then.field", "is no text", "string"),
        ),
        (
            "match: ['x']\nthen: {field: m, grammar: json_lines}",
            *(5, "then.field", "no pattern gives", ""),
        ),
        (
            "parse: json\nfields: {m: {}, level: {type: boolean}}\n"
            "then: {field: m, grammar: json_lines}",
            *(6, "then.grammar", "'level' of json_lines", "differently"),
        ),
        ("parse: json\nfields:\n  a: {typ: integer}", 6, "fields.a.typ", "unknown key", "'type'"),
        ("parse: json\nfields: {a: {type: int}}", 5, "fields.a.type", "is 'int'", "'integer'"),
        ("parse: json\nfields: {a: {minimum: '5'}}", 5, "fields.a.minimum", "valid", ""),
        ("parse: json\nfields: {a: {max_length: 0}}", 5, "fields.a.max_length", "greater", ""),
        ("parse: json\nfields: {a: {max_length: 99999}}", 5, "fields.a.max_length", "less", ""),
        (
            "parse: json\nfields: {a: {type: ip, minimum: 1}}",
            5,
            "fields.a.minimum",
            "not apply",
            "type",
        ),
        (
            "parse: json\nfields: {a: {type: ip, values: [x]}}",
            5,
            "fields.a.values",
            "not apply",
            "type",
        ),
        ("parse: json\nfields: {a: {type: enum}}", 5, "fields.a", "needs `values`", "values: ["),
        ("parse: json\nfields: {a: {type: duration}}", 5, "fields.a", "needs `unit`", "unit: ms"),
        ("parse: json\nfields: {a: {type: timestamp}}", 5, "fields.a", "needs `formats`", "iso"),
        (
            "parse: json\nfields: {a: {type: timestamp, formats: ['%H']}}",
            *(5, "fields.a.formats.0", "no day", "%d"),
        ),
        (
            "parse: json\nfields: {a: {type: string, on_error: clamp}}",
            *(5, "fields.a.on_error", "no limits", "drop"),
        ),
        ("match: ['(?<a>x)']\nfields: {a: {trim: true}}", 5, "fields.a.trim", "`parse`", "leave"),
        (
            "parse: json\nfields: {a: {type: integer, minimum: 2, maximum: 1}}",
            *(5, "fields.a.minimum", "above maximum", "exchange"),
        ),
        (
            "parse: json\nfields: {a: {type: integer, maximum: 1.5}}",
            *(5, "fields.a", "are integers", "fraction"),
        ),
        (
            "parse: json\nfields: {aB: {}, a_b: {}}",
            5,
            "fields.a_b",
            "same warehouse column",
            "name",
        ),
        (
            "match: ['%{INT:n:int}']\nfields: {n: {type: number}}",
            *(4, "match.0", "is integer here and number", "leave out"),
        ),
        ("parse: json\natomic: {ipp: a}\nfields: {a: {}}", 5, "atomic.ipp", "no Snowplow", "'ip'"),
        ("parse: json\natomic: {ip: b}\nfields: {a: {}}", 5, "atomic.ip", "no field 'b'", "a"),
        ("parse: json\nevent: page", 5, "event", "is 'page'", "'self_describing'"),
        ("parse: json\nevent: page_view", 5, "event", "needs `page_view`", "which fields"),
        (
            "parse: json\nstruct: {category: a, action: b}",
            5,
            "struct",
            "no effect",
            "event: struct",
        ),
        (f"{GOOD}rename: {{x: y}}", 6, "rename.x", "no such field", "n"),
        (f"{GOOD}rename: {{n: w}}", 6, "rename.n", "field 'w' already", "another"),
        (f"{GOOD}constant: {{n: 1}}", 6, "constant.n", "field of that name", "differently"),
        (f"{GOOD}constant: {{c: .inf}}", 6, "constant.c", "no value for an event", ""),
        (f"{GOOD}constant: {{c: [1]}}", 6, "constant.c", "should be", ""),
        (f"{GOOD}drop: m", 6, "drop.0", "no field 'm'", "n"),
        (f"{GOOD}drop_when: [{{m: {{missing: true}}}}]", 6, "drop_when.0.m", "no field 'm'", ""),
        (f"{GOOD}drop_when: [{{w: {{}}}}]", 6, "drop_when.0.w", "says nothing", "values"),
        (f"{GOOD}drop_when: [{{w: {{match: x}}}}]", 6, "drop_when.0.w.match", "key", "'matches'"),
        (f"{GOOD}drop_when: [{{w: {{matches: '('}}}}]", 6, "drop_when.0.w.matches", "unclosed", ""),
        (
            f"{GOOD}drop_when: [{{w: {{missing: true, above: 1}}}}]",
            *(6, "drop_when.0.w", "is missing, and has", "two conditions"),
        ),
        (f"{GOOD}sample: 0", 6, "sample.share", "greater than 0", ""),
        (f"{GOOD}sample: {{share: 1, wen: []}}", 6, "sample.wen", "unknown key", "'when'"),
        (
            f"{GOOD}sample: {{share: 1, when: [{{m: {{above: 1}}}}]}}",
            *(6, "sample.when.0.m", "no field 'm'", ""),
        ),
        (f"{GOOD}redact: {{m: {{keep_bits: [24, 48]}}}}", 6, "redact.m", "no field 'm'", "n"),
        (f"{GOOD}redact: {{w: {{}}}}", 6, "redact.w", "needs one of", "one way"),
        (f"{GOOD}redact: {{w: {{replace: x}}}}", 6, "redact.w.by", "needs it", "by:"),
        (f"{GOOD}redact: {{w: {{replace: '(', by: x}}}}", 6, "redact.w.replace", "unclosed", ""),
        (f"{GOOD}redact: {{n: {{replace: x, by: y}}}}", 6, "redact.n.replace", "no text", "hash"),
        (f"{GOOD}redact: {{w: {{hash: pepper}}}}", 6, "redact.w.hash", "no reference", "file:PATH"),
        (f"{GOOD}redact: {{w: {{hash: '${{NO_SUCH}}'}}}}", 6, "redact.w.hash", "no NO_SUCH", "set"),
        (f"{GOOD}redact: {{w: {{hash: 'file:/no'}}}}", 6, "redact.w.hash", "can't read", "path"),
        (
            f"{GOOD}event: page_view\npage_view: {{url: w}}\natomic: {{url: w}}",
            *(8, "atomic.url", "said by `page_view`", "leave"),
        ),
        (f"{GOOD}event: page_view\npage_view: {{url: v}}", 7, "page_view.url", "no field 'v'", ""),
        (
            f"{GOOD}event: struct\nstruct: {{category: w}}",
            *(7, "struct.action", "is missing", "add it"),
        ),
        (f"{GOOD}extra: keep", 6, "extra", "belongs to `parse`", "leave out"),
        ("parse: json\ntime: {field: t, formats: ['%H']}", 5, "time.formats.0", "no day", "%d"),
        (
            "parse: json\ntime: {field: t, formats: [iso8601], timezone: Mars}",
            *(5, "time.timezone", "unknown time zone", ""),
        ),
        ("parse: json\ntime: {formats: [iso8601]}", 5, "time", "either `field` or `join`", "say"),
        (
            "parse: json\ntime: {join: [d, t], formats: [iso8601], keep: true}",
            *(5, "time.keep", "belongs to `parse` and `field`", "twice"),
        ),
        (
            "parse: json\ntime: {field: t, formats: [iso8601]}\nfields: {t: {}}",
            *(6, "fields.t", "time of the record", "leave it out"),
        ),
        (
            f"{GOOD}time: {{field: t, formats: [iso8601], optional: true}}",
            6,
            "time.field",
            "'t'",
            "",
        ),
        (f"{GOOD}time: {{field: w, formats: [iso8601]}}", 5, "fields.w", "time of the record", ""),
        (
            "match: ['(?<a>x) (?<b>y)']\ntime: {field: [a, b], formats: [iso8601]}",
            *(4, "match.0", "two time fields", "leave one"),
        ),
        (
            "match: ['(?<a>x)', '(?<b>y)']\nfields: {b: {}}\ntime: {field: a, formats: [iso8601]}",
            *(4, "match.1", "no time field", "optional"),
        ),
        ("parse: json\npatterns: {A B: x}", 5, "patterns.A B", "no pattern name", "letters"),
        ("parse: json\nsamples: [{line: x}]", 5, "samples.0.expect", "is missing", "add it"),
        (
            "parse: json\nsamples: [{lin: x, line: x, expect: null}]",
            5,
            "samples.0.lin",
            "key",
            "line",
        ),
        (
            "parse: json\nsamples: [{line: x, expect: null, now: soon}]",
            *(5, "samples.0.now", "'soon' is no time", "write"),
        ),
        (
            "parse: json\nfields: {a: {derive: {syslog_facilty: p}}}",
            *(5, "fields.a.derive.syslog_facilty", "unknown table", "'syslog_facility'"),
        ),
        (
            "parse: json\nfields: {p: {type: integer}, a: {derive: {syslog_facility: p}}}",
            *(5, "fields.a.derive.syslog_facility", "no such limits", "maximum: 191"),
        ),
        ("parse: json\nfields: {a: {derive: {}}}", 5, "fields.a.derive", "one table", "write"),
    ],
)
def test_a_mistake_is_located(body: str, line: int, key: str, what: str, remedy: str) -> None:
    """One mistake, one problem: file and line, key path, words, and what would be right."""
    found = problem(body if body != "{}" else "")
    assert (found.where, found.key) == (f"it.yaml:{line}", key)
    assert what in found.what
    assert remedy in found.remedy


def test_all_mistakes_are_named_at_once() -> None:
    """Nobody has to mend a file mistake by mistake."""
    body = "match: ['%{NO:a}', '(']\nextra: keep\natomic: {x: y}\ntime: {field: t, formats: ['%Q']}"
    assert {found.key for found in problems(body)} == {
        *("match.0", "match.1", "extra", "atomic.x", "time.formats.0"),
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is no grammar"),
        ("- a\n- b", "is no grammar"),
        ("just text", "is no grammar"),
        ("name: [", "is not valid YAML"),
        ("name: a\nname: b", "stands twice"),
        ("1: 2", "unknown key"),
        ("name: Not A Name\ntitle: x\nschema: iglu:a/b/jsonschema/1-0-0\nparse: json", "pattern"),
        ("name: it\ntitle: x\nschema: iglu:a/b/jsonschema/0-0-0\nparse: json", "no Iglu URI"),
        ("name: it\ntitle: x\nschema: iglu:a b/c/jsonschema/1-0-0\nparse: json", "no Iglu URI"),
        ("name: it\ntitle: x\nparse: json", "is missing"),
    ],
)
def test_what_is_no_grammar(text: str, what: str) -> None:
    """Whatever a file holds, the answer is a refusal in words."""
    with pytest.raises(GrammarError) as caught:
        parse_grammar(text, "it.yaml", core())
    assert what in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a file of bytes are refused alike."""
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xff")
    for file, what in (("none.yaml", "can't be read"), ("bytes.yaml", "not UTF-8")):
        with pytest.raises(GrammarError, match=what):
            load_grammar(tmp_path / file, core())


def test_a_pattern_of_the_grammar_wins() -> None:
    """A grammar's own `patterns` redefine those of the library, for itself only."""
    own = grammar("patterns: {INT: '[ab]+'}\nmatch: ['%{INT:n}']\nfields: {n: {}}")
    assert own.parse("ab", 0)
    other = grammar("match: ['%{INT:n}']\nfields: {n: {}}")
    assert other.parse("12", 0)
    assert not other.parse("ab", 0)


def test_a_type_comes_from_the_pattern_or_the_fields() -> None:
    """Either says it; without either a field is a string."""
    it = grammar(
        "match: ['%{INT:a:int} %{INT:b} %{INT:c}']\nfields: {a: {}, b: {type: number}, c: {}}"
    )
    parsed = it.parse("1 2 3", 0)
    assert parsed is not None
    assert parsed.fields == {"a": 1, "b": 2.0, "c": "3"}


def test_a_grammar_is_frozen() -> None:
    """What is loaded can't be changed by accident."""
    it = grammar(GOOD)
    assert HEAD.startswith(f"name: {it.name}\n")
    with pytest.raises(AttributeError):
        it.where = "elsewhere"  # type: ignore[misc]
    with pytest.raises(TypeError):
        it.atomic["ip"] = "n"  # type: ignore[index]
