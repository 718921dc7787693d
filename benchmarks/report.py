"""What was measured, as text: the table of targets, the tables and figures of each part.

Rule 1: in a document only what stands between the marks is replaced; the rest is written by hand.
Rule 2: each part says when and on what it was measured, for parts may be measured on other days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.charts import Chart
from benchmarks.figures import Finding

BEGIN, END = "<!-- made by `make bench` -->", "<!-- end of what `make bench` made -->"
_BUSY = 0.2
ROWS = {
    1: "processor time of a line",
    2: "lines a second",
    3: "tracked events",
    4: "memory",
    5: "latency",
    6: "a large backlog",
    7: "growth",
    8: "start-up",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of texts; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one part of the benchmarks found. `findings` are by the number of their row."""

    title: str
    findings: Sequence[tuple[int, Finding]] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An outcome, and of what.

    `others`: the cores that other programs took meanwhile. `quick`: a short run proves little.
    """

    outcome: Outcome
    when: str
    revision: str
    machine: str
    others: float
    quick: bool


def document(text: str, generated: str) -> str:
    """Return *text* with *generated* between the marks. Raises ValueError if a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no place for the figures: {BEGIN} and {END} are to stand in the text")
    return f"{before}{BEGIN}\n\n{generated.strip()}\n\n{END}{after}"


def generated(records: Iterable[Record]) -> str:
    """Return what stands between the marks."""
    kept = list(records)
    parts = [targets([found for record in kept for found in record.outcome.findings])]
    parts += ["\n\n".join(_part(record)) for record in kept]
    return "\n\n".join(parts) + "\n"


def targets(findings: Iterable[tuple[int, Finding]]) -> str:
    """Return the table of all targets: what was measured of each, and whether it is reached."""
    rows = [
        (f"{row} {ROWS[row]}", found.what, found.target, found.result, found.verdict)
        for row, found in sorted(findings, key=lambda each: each[0])
    ]
    return table(Table(head=("", "what", "target", "measured", ""), rows=rows))


def _part(record: Record) -> Iterator[str]:
    outcome = record.outcome
    yield f"### {outcome.title}"
    yield (
        f"{record.when}, revision {record.revision}, {record.machine}; "
        f"other programs took {record.others:.2f} cores."
    )
    if record.others > _BUSY:
        yield f"**The machine was busy (more than {_BUSY} cores): these figures are rough.**"
    for each in outcome.tables:
        yield table(each)
    for chart in outcome.charts:
        yield f"![{outcome.title}]({file_of(chart)})"
    yield from outcome.notes


def file_of(chart: Chart) -> str:
    """Return the name of the file of *chart*, beside the document."""
    return f"performance-{chart.name}.svg"


def table(of: Table) -> str:
    """Return *of* in Markdown, with columns that line up on a terminal as well."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in (of.head, *of.rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in ruled
    )
