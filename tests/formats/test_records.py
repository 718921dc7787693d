"""Assembling records: every line once, however the file is cut into calls and restarts."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.formats.framing import split_lines
from shipper.formats.held import RECORD_FLAGS, STREAMS, Open
from shipper.formats.multiline import PRESETS, MultilineRule
from shipper.formats.records import EMPTY, Held, Line, Record, Rules, assemble, flush

TIME = "2026-11-23T06:55:44.123456789Z"
STARTS_WITH_LEVEL = MultilineRule.starts_with(r"^(?:INFO|ERROR) ")


def lines_of(chunk: bytes, base: int = 0) -> list[Line]:
    raws, texts = split_lines(chunk, base)
    found, offset = [], base
    for raw, text in zip(raws, texts, strict=True):
        width = min(len(raw) + 1, base + len(chunk) - offset)
        found.append(Line(offset, raw, text, width))
        offset += width
    return found


def run(chunk: bytes, rules: Rules) -> list[Record]:
    records, held = assemble(lines_of(chunk), EMPTY, rules)
    return records + flush(held, rules)


def cri(stream: str, tag: str, text: str) -> bytes:
    return f"{TIME} {stream} {tag} {text}\n".encode()


def docker(stream: str, text: str) -> bytes:
    return orjson.dumps({"log": text, "stream": stream, "time": TIME}) + b"\n"


def texts(records: Sequence[Record]) -> list[str]:
    return [record.text for record in records]


# Properties: all of them over logs that hold everything at once

TEXTS = st.sampled_from(
    [
        *("INFO a", "ERROR b", "", " ", "end;", "go on \\", "{", "ValueError: é"),
        *("\tat x.Y(Z.java:1)", '  File "a.py", line 1', "goroutine 1 [running]:"),
        "Traceback (most recent call last):",
    ]
)
RAWS = st.one_of(
    TEXTS.map(str.encode),
    TEXTS.map(lambda text: text.encode() + b"\r"),
    st.binary(max_size=12).map(lambda data: data.replace(b"\n", b"")),
    st.builds(
        cri, st.sampled_from(["stdout", "stderr"]), st.sampled_from(["F", "P", "P:x"]), TEXTS
    ).map(lambda line: line[:-1]),
    st.builds(
        lambda stream, text, end: docker(stream, text + end)[:-1],
        st.sampled_from(["stdout", "stderr"]),
        TEXTS,
        st.sampled_from(["", "\n", "\r", "\r\n"]),
    ),
)
LOGS = st.builds(
    lambda raws, cut: b"\n".join(raws) + b"\n" * (cut or not (raws and raws[-1])),
    st.lists(RAWS, max_size=25),
    st.booleans(),
)
MULTILINE = st.sampled_from(
    [None, STARTS_WITH_LEVEL, *PRESETS.values()]
    + [
        MultilineRule.between(r"^(?:INFO|go on)", condition, mode)
        for mode in ("continue_through", "continue_past", "halt_before", "halt_with")
        for condition in (r"\\$", r"^\s", r"^end")
    ]
)
RULES = st.builds(
    Rules,
    container=st.sampled_from(["none", "auto", "docker", "cri"]),
    multiline=MULTILINE,
    max_lines=st.integers(1, 8),
    max_bytes=st.integers(1, 600),
)


@settings(max_examples=150)
@given(LOGS, RULES, st.integers(0, 25))
def test_every_line_is_in_one_record_or_held(log: bytes, rules: Rules, cut: int) -> None:
    """Rule 1: lines and bytes add up, at any point and with what was held before."""
    lines = lines_of(log)
    first, held = assemble(lines[:cut], EMPTY, rules)
    second, rest = assemble(lines[cut:], held, rules)

    for given_, before, records, after in [
        (lines[:cut], EMPTY, first, held),
        (lines[cut:], held, second, rest),
    ]:
        assert sum(r.width for r in records) + after.width == (
            sum(line.width for line in given_) + before.width
        )
        assert sum(r.lines for r in records) + after.lines == len(given_) + before.lines
    flushed = flush(rest, rules)
    assert (sum(r.width for r in flushed), sum(r.lines for r in flushed)) == (
        rest.width,
        rest.lines,
    )


@settings(max_examples=150)
@given(LOGS, RULES)
def test_the_raw_bytes_of_the_records_are_those_of_the_file(log: bytes, rules: Rules) -> None:
    """Rule 1: no line is changed, left out or taken twice."""
    raws = [raw for record in run(log, rules) for raw in record.raw.split(b"\n")]
    assert sorted(raws) == sorted(line.raw for line in lines_of(log))


@settings(max_examples=200)
@given(LOGS, RULES, st.lists(st.integers(0, 25), max_size=6), st.booleans())
def test_cutting_changes_nothing(log: bytes, rules: Rules, cuts: list[int], stored: bool) -> None:
    """Rule 2: any cuts give the same records and the same held lines, over restarts too."""
    lines = lines_of(log)
    whole, held_at_once = assemble(lines, EMPTY, rules)
    records, held, at = [], EMPTY, 0
    for cut in [*sorted(cuts), len(lines)]:
        more, held = assemble(lines[at:cut], held, rules)
        records += more
        at = max(at, cut)
        held = Held.from_bytes(held.to_bytes()) if stored else held

    assert records == whole
    assert held == held_at_once
    assert flush(held, rules) == flush(held_at_once, rules)


@settings(max_examples=100)
@given(LOGS, RULES)
def test_line_by_line_is_a_way_of_cutting(log: bytes, rules: Rules) -> None:
    """Rule 2: a file that grows line by line gives the records of one that was there at once."""
    records, held = [], EMPTY
    for line in lines_of(log):
        more, held = assemble([line], held, rules)
        records += more
    assert records + flush(held, rules) == run(log, rules)


@settings(max_examples=150)
@given(LOGS, RULES)
def test_a_record_is_made_of_its_own_lines(log: bytes, rules: Rules) -> None:
    """Rules 3 and 5: its offset is its first line's; alone, its lines give the same record."""
    starts = {line.offset: line.raw for line in lines_of(log)}
    for record in run(log, rules):
        assert record.raw.split(b"\n")[0] == starts[record.offset]
        assert record.lines == record.raw.count(b"\n") + 1
        if not record.flags:
            again, held = assemble(lines_of(record.raw + b"\n", record.offset), EMPTY, rules)
            [same] = again + flush(held, rules)
            assert same._replace(width=record.width) == record


@settings(max_examples=150)
@given(LOGS, RULES)
def test_streams_are_apart(log: bytes, rules: Rules) -> None:
    """Rule 3: the records of a stream are the same where the other streams' lines are missing."""
    records = run(log, rules)
    lines = lines_of(log)
    for stream in STREAMS:
        own = [r for r in records if r.stream == stream]
        raws = [raw for r in own for raw in r.raw.split(b"\n")]
        alone = [line for line in lines if line.raw in raws]
        found, held = assemble(alone, EMPTY, rules)
        assert sorted(found + flush(held, rules)) == sorted(own)


@settings(max_examples=150)
@given(LOGS, RULES)
def test_limits_hold(log: bytes, rules: Rules) -> None:
    """Rule 4: only a line alone is over the limit; truncated and continued come in pairs."""
    cut = dict.fromkeys(STREAMS, False)
    records, held = assemble(lines_of(log), EMPTY, rules)
    for record in records + flush(held, rules):
        assert record.width <= rules.max_bytes or record.lines == 1
        if rules.container == "none":
            assert record.lines <= rules.max_lines
        assert ("continued" in record.flags) == cut[record.stream]
        cut[record.stream] = "truncated" in record.flags
    assert not any(cut.values())


@settings(max_examples=150)
@given(LOGS, RULES)
def test_held_lines_are_bounded(log: bytes, rules: Rules) -> None:
    """At most a line and a group a stream are open, and none of them is over a limit."""
    _, held = assemble(lines_of(log), EMPTY, rules)
    assert len(held.opens) <= 2 * len(STREAMS)
    for open_ in held.opens:
        width = sum(part.width for part in open_.parts)
        assert width <= rules.max_bytes or sum(part.lines for part in open_.parts) == 1
        assert open_.state == 0 or len(open_.parts) <= rules.max_lines


# What is held, as bytes

RECORDS = st.builds(
    Record,
    offset=st.integers(0, 2**63 - 1),
    raw=st.binary(max_size=30),
    text=st.text(st.characters(), max_size=10),
    lines=st.integers(1, 2**31),
    width=st.integers(0, 2**63 - 1),
    stream=st.sampled_from(STREAMS),
    time=st.none() | st.text(max_size=40),
    flags=st.sets(st.sampled_from(RECORD_FLAGS)).map(
        lambda flags: tuple(flag for flag in RECORD_FLAGS if flag in flags)
    ),
)
OPENS = st.builds(Open, st.integers(0, 65535), st.lists(RECORDS, min_size=1, max_size=4).map(tuple))
HELDS = st.builds(Held, st.lists(OPENS, max_size=6).map(tuple))


@given(HELDS)
def test_held_lines_survive_storage(held: Held) -> None:
    """What comes back is what was stored, byte for byte, lone surrogates included."""
    assert Held.from_bytes(held.to_bytes()) == held


@given(HELDS.filter(Held.is_open), st.data())
def test_damaged_bytes_are_refused(held: Held, data: st.DataObject) -> None:
    """One wrong bit, a missing end or a longer one is a ValueError and nothing else."""
    stored = held.to_bytes()
    at = data.draw(st.integers(0, len(stored) - 1))
    flipped = bytearray(stored)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (bytes(flipped), stored[: max(1, at)], stored + b"\0"):
        with pytest.raises(ValueError, match=r"held lines are"):
            Held.from_bytes(damaged)


@given(st.binary(min_size=1, max_size=80))
def test_garbage_is_refused(garbage: bytes) -> None:
    """Bytes that nobody stored are a ValueError, also where they begin with the right version."""
    for data in (garbage, b"\1" + garbage):
        with pytest.raises(ValueError, match=r"held lines are"):
            Held.from_bytes(data)


def test_a_record_without_lines_is_refused() -> None:
    """Well-formed bytes that say nothing sensible are refused as well."""
    with pytest.raises(ValueError, match="held lines are damaged: a record without lines"):
        Held.from_bytes(Held((Open(1, ()),)).to_bytes())


def test_nothing_held_is_no_bytes() -> None:
    """EMPTY takes no room, holds nothing, and gives no records."""
    assert EMPTY.to_bytes() == b""
    assert Held.from_bytes(b"") == EMPTY
    assert (EMPTY.lines, EMPTY.width, EMPTY.is_open()) == (0, 0, False)
    assert flush(EMPTY, Rules()) == []


def test_a_stored_line_takes_little_more_than_its_bytes() -> None:
    """A text that the raw bytes spell is not stored a second time."""
    rules = Rules(multiline=STARTS_WITH_LEVEL)
    log = b"INFO x\n" + b"\tmore of it, with a fairly long text: " * 40
    _, held = assemble(lines_of(log), EMPTY, rules)
    assert len(held.to_bytes()) < len(log) + 150


# Rules


def test_without_rules_a_line_is_a_record() -> None:
    """The default changes nothing: each line, blank ones too, is a record of its own."""
    records = run(b"one\n\ntwo\r\n\xff", Rules())
    assert [(r.offset, r.text, r.width) for r in records] == [
        (0, "one", 4),
        (4, "", 1),
        (5, "two", 5),
        (10, "\ufffd", 1),
    ]


@pytest.mark.parametrize("wrong", [{"max_lines": 0}, {"max_bytes": 0}, {"container": "podman"}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    """Limits are at least 1, and a container format is one that there is."""
    with pytest.raises(ValueError, match=r"at least one|unknown container"):
        Rules(**wrong)  # type: ignore[arg-type]


# Groups


def test_a_group_is_one_record() -> None:
    """Raw bytes and text are the lines joined by LF; blank lines at the end are not in the text."""
    log = b"ERROR boom\r\n  one\r\n\r\n  two\r\n\r\n\r\nINFO next\r\n"
    error, info = run(log, Rules(multiline=STARTS_WITH_LEVEL))

    assert error.text == "ERROR boom\n  one\n\n  two"
    assert error.raw == b"ERROR boom\r\n  one\r\n\r\n  two\r\n\r\n\r"
    assert (error.offset, error.lines, error.width) == (0, 6, 32)
    assert (info.text, info.offset) == ("INFO next", 32)


def test_a_group_is_held_until_it_is_complete() -> None:
    """The next start completes it; a flush does, where no start will come."""
    rules = Rules(multiline=STARTS_WITH_LEVEL)
    records, held = assemble(lines_of(b"ERROR boom\n  one\n"), EMPTY, rules)

    assert records == []
    assert (held.lines, held.width) == (2, 17)
    assert held.is_open()
    assert held.is_open(None)
    assert not held.is_open("stdout", "stderr")
    assert texts(flush(held, rules)) == ["ERROR boom\n  one"]
    assert texts(assemble(lines_of(b"INFO x\n", 17), held, rules)[0]) == ["ERROR boom\n  one"]


def test_a_long_group_is_parted_not_lost() -> None:
    """Rule 4: what does not fit begins the next record, up to the next starting line."""
    log = b"ERROR e\n" + b"".join(b" %d\n" % n for n in range(5)) + b"INFO i\n"
    records = run(log, Rules(multiline=STARTS_WITH_LEVEL, max_lines=3))

    assert [(r.text, r.flags) for r in records] == [
        ("ERROR e\n 0\n 1", ("truncated",)),
        (" 2\n 3\n 4", ("continued",)),
        ("INFO i", ()),
    ]


def test_a_group_that_just_fits_is_not_flagged() -> None:
    """The limits are the largest size that is allowed, and a flag says that more follows."""
    log = b"ERROR e\n 1\n 2\nINFO i\n"
    for rules in (
        Rules(multiline=STARTS_WITH_LEVEL, max_lines=3),
        Rules(multiline=STARTS_WITH_LEVEL, max_bytes=14),
    ):
        assert [r.flags for r in run(log, rules)] == [(), ()]
    tight = Rules(multiline=STARTS_WITH_LEVEL, max_bytes=13)
    assert [r.flags for r in run(log, tight)] == [("truncated",), ("continued",), ()]


def test_one_line_is_never_cut() -> None:
    """A line over `max_bytes` is a record as it is, and takes nothing more."""
    log = b"ERROR " + b"x" * 100 + b"\n and more\n"
    records = run(log, Rules(multiline=STARTS_WITH_LEVEL, max_bytes=50))
    assert [(len(r.text), r.flags) for r in records] == [(106, ("truncated",)), (9, ("continued",))]


def test_a_changed_rule_closes_old_groups() -> None:
    """A group that a rule before left open is complete with the next line, not forgotten."""
    rules = Rules(multiline=MultilineRule.preset("python"))
    _, held = assemble(lines_of(b"Traceback (most recent call last):\n"), EMPTY, rules)
    for other in (Rules(), Rules(multiline=MultilineRule.preset("java"))):
        records, rest = assemble(lines_of(b"INFO x\n", 35), held, other)
        assert texts(records + flush(rest, other)) == [
            "Traceback (most recent call last):",
            "INFO x",
        ]


# Containers


@pytest.mark.parametrize("container", ["auto", "cri"])
def test_cri_pieces_are_joined_by_stream(container: str) -> None:
    """A line of stderr amid the pieces of one of stdout stays out of it."""
    log = (
        cri("stdout", "P", "INFO one, ")
        + cri("stderr", "P:stage", "ERR")
        + cri("stderr", "F", "OR")
        + cri("stdout", "P", "two, ")
        + cri("stdout", "F", "three")
    )
    error, info = run(log, Rules(container=container))  # type: ignore[arg-type]

    assert (error.text, error.stream, error.lines) == ("ERROR", "stderr", 2)
    assert (info.text, info.stream, info.lines) == ("INFO one, two, three", "stdout", 3)
    assert info.offset == 0
    assert info.time == TIME
    assert info.raw == b"\n".join(log.split(b"\n")[n] for n in (0, 3, 4))
    assert info.width + error.width == len(log)


@pytest.mark.parametrize("container", ["auto", "docker"])
def test_docker_pieces_are_joined(container: str) -> None:
    """Docker cuts at 16 KiB: scenario 59, with stderr between the pieces."""
    long = "0123456789abcdef" * 2500
    pieces = [long[at : at + 16384] for at in range(0, len(long), 16384)]
    log = (
        docker("stdout", pieces[0])
        + docker("stderr", "WARN\n")
        + docker("stdout", pieces[1])
        + docker("stdout", pieces[2] + "\n")
    )
    warning, joined = run(log, Rules(container=container))  # type: ignore[arg-type]
    assert (warning.text, warning.stream) == ("WARN", "stderr")
    assert (joined.text, joined.lines, joined.flags) == (long, 3, ())


def test_a_terminal_of_docker_ends_lines_with_cr_lf() -> None:
    """The CR is dropped also where the pieces part it from its LF."""
    log = docker("stdout", "one\r\n") + docker("stdout", "two\r") + docker("stdout", "\n")
    assert texts(run(log, Rules(container="docker"))) == ["one", "two"]


def test_an_endless_line_of_pieces_is_parted() -> None:
    """`max_bytes` holds for joined pieces; nothing of the line is lost."""
    log = b"".join(cri("stdout", "P", "x" * 50) for _ in range(20)) + cri("stdout", "F", "end")
    records = run(log, Rules(container="cri", max_bytes=500))

    assert "".join(texts(records)) == "x" * 1000 + "end"
    assert [r.flags for r in records[:2]] == [("truncated",), ("truncated", "continued")]
    assert records[-1].flags == ("continued",)
    assert all(r.width <= 500 for r in records)


def test_a_parted_line_never_starts_a_group() -> None:
    """What continues a line amid its text is no new line, whatever it looks like."""
    log = cri("stdout", "P", "ERROR a") + cri("stdout", "P", "ERROR b") + cri("stdout", "F", "c")
    rules = Rules(container="cri", multiline=STARTS_WITH_LEVEL, max_bytes=89)
    records = run(log + cri("stdout", "F", " trace"), rules)
    assert [(r.text, r.flags) for r in records] == [
        ("ERROR a", ("truncated",)),
        ("ERROR b", ("truncated", "continued")),
        ("c\n trace", ("continued",)),
    ]


def test_a_parted_line_that_no_group_takes_begins_none() -> None:
    """Where the line is a record of its own, so is the rest of it, and no line joins that."""
    log = cri("stdout", "P", "lost  a") + cri("stdout", "F", "ERROR b")
    rules = Rules(container="cri", multiline=STARTS_WITH_LEVEL, max_bytes=95)
    assert texts(run(log + cri("stdout", "F", " trace"), rules)) == ["lost  a", "ERROR b", " trace"]


def test_pieces_that_just_fit_are_not_parted() -> None:
    """For pieces, too, the limit is the largest size that is allowed."""
    log = cri("stdout", "P", "1") + cri("stdout", "F", "2")
    assert texts(run(log, Rules(container="cri", max_bytes=len(log)))) == ["12"]
    assert texts(run(log, Rules(container="cri", max_bytes=len(log) - 1))) == ["1", "2"]


def test_a_missing_last_piece_is_told() -> None:
    """A flush gives the pieces there are, flagged, and with the group they belong to."""
    log = cri("stdout", "F", "ERROR a") + cri("stdout", "P", "  trac")
    [record] = run(log, Rules(container="cri", multiline=STARTS_WITH_LEVEL))
    assert (record.text, record.flags) == ("ERROR a\n  trac", ("partial",))


def test_pieces_across_a_rotation() -> None:
    """Scenario 60: P at the end of one file, F at the beginning of the next, one record."""
    rules = Rules(container="cri")
    records, held = assemble(lines_of(cri("stdout", "P", "one ")), EMPTY, rules)
    more, rest = assemble(
        lines_of(cri("stdout", "F", "two")), Held.from_bytes(held.to_bytes()), rules
    )
    assert (records, texts(more), rest) == ([], ["one two"], EMPTY)


def test_groups_are_apart_by_stream() -> None:
    """Two traces that are printed at once, to two streams, are two records (scenario 61)."""
    log = b""
    for n in range(3):
        for stream in ("stdout", "stderr"):
            log += cri(stream, "F", f"  {stream} {n}" if n else f"ERROR {stream}")
    records = run(log, Rules(container="auto", multiline=STARTS_WITH_LEVEL))
    assert texts(records) == [
        f"ERROR {stream}\n  {stream} 1\n  {stream} 2" for stream in ("stdout", "stderr")
    ]


def test_auto_takes_each_line_for_what_it_is() -> None:
    """CRI, Docker and plain lines may stand in one file; plain ones have no stream."""
    log = cri("stdout", "F", "a") + docker("stderr", "b\n") + b'{"log": "mine"}\nd\n'
    records = run(log, Rules(container="auto"))
    assert [(r.text, r.stream, r.time) for r in records] == [
        ("a", "stdout", TIME),
        ("b", "stderr", TIME),
        ('{"log": "mine"}', None, None),
        ("d", None, None),
    ]
