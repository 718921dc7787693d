"""The document: what is made stands between marks, and says what was reached."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import records
from benchmarks.charts import Bars, Chart, Curves, drawn, short
from benchmarks.figures import Finding, Spread
from benchmarks.report import BEGIN, END, ROWS, Outcome, Record, Table, document, generated, table

CHART = Chart(
    name="peers",
    panels=[
        Bars(
            title="Cost",
            unit="µs",
            values={"shipper": Spread(8, 7, 9), "a <peer>": Spread(20, 20, 20)},
        ),
        Curves(
            title="By lines", across="lines", unit="µs", lines={"cost": [(1e5, 9.0), (1e7, 8.0)]}
        ),
    ],
)
RECORD = Record(
    outcome=Outcome(
        title="Beside peers",
        findings=[
            (2, Finding(what="two workers", limit=2.6, measured=2.7, unit="×", most=False)),
            (1, Finding(what="no workers", limit=0.4, measured=0.5, unit="×")),
        ],
        tables=[Table(head=("", "µs"), rows=[("a|b", "8.0")])],
        charts=[CHART],
        notes=["Left out: rsyslog: there is no apt-get."],
    ),
    when="2026-11-23",
    revision="abc",
    machine="2 cores",
    others=0.05,
    quick=False,
)


def test_what_is_written_by_hand_stays() -> None:
    """Only what stands between the marks is replaced, as often as it is made."""
    text = f"# Performance\n\n{BEGIN}\n\nold\n\n{END}\n\n## Log\n\nby hand\n"

    once = document(text, "new")
    assert once == f"# Performance\n\n{BEGIN}\n\nnew\n\n{END}\n\n## Log\n\nby hand\n"
    assert document(once, "new") == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_document_without_place_is_left_alone(text: str) -> None:
    """Figures are never put anywhere else."""
    with pytest.raises(ValueError, match="no place"):
        document(text, "new")


def test_the_targets_come_first_by_row() -> None:
    """Each says what was asked for, what was measured, and whether that is reached."""
    lines = generated([RECORD]).splitlines()

    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[:4]]
    assert cells[2] == [f"1 {ROWS[1]}", "no workers", "≤ 0.40 ×", "0.50 ×", "not reached"]
    assert cells[3] == [f"2 {ROWS[2]}", "two workers", "≥ 2.60 ×", "2.70 ×", "reached"]
    assert "Left out: rsyslog: there is no apt-get." in lines
    assert "![Beside peers](performance-peers.svg)" in lines


def test_a_busy_machine_is_named() -> None:
    """Figures that other programs disturbed say so."""
    assert "rough" not in generated([RECORD])
    assert "rough" in generated([replace(RECORD, others=1.2)])


def test_a_table_survives_what_stands_in_it() -> None:
    """A bar in a cell opens no column."""
    shown = table(Table(head=("", "µs"), rows=[("a|b", "8.0")]))
    assert shown.splitlines()[2] == "| a\\|b | 8.0 |"


def test_a_record_is_kept_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that was measured is found again; a quick run does not take its place."""
    monkeypatch.setattr(records, "kept", lambda *parts: tmp_path / parts[-1])
    records.keep("peers", RECORD)
    records.keep("peers", replace(RECORD, quick=True, machine="in a hurry"))

    found = records.kept_record("peers")

    assert found is not None
    assert generated([found]) == generated([RECORD])
    assert drawn(found.outcome.charts[0]) == drawn(CHART)
    assert (found.quick, found.outcome.findings[0][1].most) == (False, False)
    assert records.kept_record("growth") is None


def test_a_record_that_is_damaged_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part is measured again; nothing fails."""
    monkeypatch.setattr(records, "kept", lambda *parts: tmp_path / parts[-1])
    (tmp_path / "peers.json").write_text('{"outcome": {"title": "Beside')

    assert records.kept_record("peers") is None


def test_the_document_gets_its_figures(tmp_path: Path) -> None:
    """Tables go between the marks, charts beside the document, and each is named by it."""
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN}\n{END}\n")

    assert records.publish({"peers": RECORD}, page) == f"written: {page}"

    (name,) = re.findall(r"!\[.*\]\((.*)\)", page.read_text())
    assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")


def test_a_part_that_was_never_measured_leaves_the_document_alone(tmp_path: Path) -> None:
    """A page with all figures does not lose any to a run that has a few."""
    page = tmp_path / "performance.md"
    page.write_text(f"{BEGIN}\nall figures\n{END}\n")

    said = records.publish({"peers": RECORD, "growth": None}, page)

    assert said.endswith("not measured here: growth")
    assert "all figures" in page.read_text()
    assert list(tmp_path.iterdir()) == [page]


def test_a_chart_shows_every_series() -> None:
    """Names stand in it as they are, and no mark lies outside."""
    root = ElementTree.fromstring(drawn(CHART))

    words = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"shipper", "a <peer>", "cost", "8", "20", "100 k", "10 M"} <= words
    boxes = [box for box in root.iter("{http://www.w3.org/2000/svg}rect") if box.get("x")]
    widths = [float(box.get("width", "0")) for box in boxes]
    assert widths[0] / widths[1] == pytest.approx(8 / 20, abs=0.01)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert all(float(b.get("x", "0")) + float(b.get("width", "0")) < width for b in boxes)
    assert all(float(b.get("y", "0")) < height for b in boxes)


@pytest.mark.parametrize(
    ("figure", "words"), [(8.214, "8.21"), (0.5, "0.5"), (115_400, "115 k"), (10_000_000, "10 M")]
)
def test_figures_are_short(figure: float, words: str) -> None:
    """Three digits are enough for a chart."""
    assert short(figure) == words
