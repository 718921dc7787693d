"""Rows 1 and 2: the whole path beside other shippers, what a line costs and how many a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.access_log import write_access_log
from benchmarks.charts import Bars, Chart
from benchmarks.context import Context
from benchmarks.figures import Finding, ratios, spread
from benchmarks.peers import SHIPPERS, MissingPeerError
from benchmarks.report import Outcome, Table
from benchmarks.whole_path import BrokenRunError, Contender, Run, run_once, shipper

LARGE, DEFAULT = "shipper, 500 kB requests", "shipper, default requests"
TWO_LARGE, TWO = "shipper, 2 workers, 500 kB requests", "shipper, 2 workers"
OURS = (
    shipper(LARGE, max_bytes=500_000),
    shipper(DEFAULT),
    shipper(TWO_LARGE, workers=2, max_bytes=500_000),
    shipper(TWO, workers=2),
)
PEER = "syslog-ng"
Runs = dict[str, list[Run]]


def beside_peers(context: Context) -> Outcome:
    """Run all contenders in turns; the first round warms up and counts for nothing."""
    log = context.work / "access.log"
    context.progress.say(f"writing {context.sizes.lines:,} lines")
    write_access_log(log, context.sizes.lines)
    contenders, notes = ready(context)
    runs, broken = _in_turns(context, contenders, log)
    log.unlink()
    notes += broken
    return Outcome(
        title="The whole path beside other shippers",
        findings=findings(runs, notes),
        tables=[table_of(runs)],
        charts=[chart_of(runs)],
        notes=[
            f"{context.sizes.lines:,} lines of nginx's combined format, into a counting sink. "
            "Median (least–most). The ratio is of processor time, to syslog-ng. "
            "Processor time and memory are those of all processes, start-up included; others: the "
            "cores that other programs took meanwhile.",
            *notes,
        ],
    )


def ready(context: Context) -> tuple[list[Contender], list[str]]:
    """Return who can run, and why others can't."""
    contenders, notes = list(OURS), []
    for find in SHIPPERS:
        context.progress.say(f"looking for {find.__name__.replace('_', '-')}")
        try:
            contenders.append(find())
        except MissingPeerError as error:
            notes.append(f"Left out: {error}.")
    return contenders, notes


def _in_turns(
    context: Context, contenders: Sequence[Contender], log: Path
) -> tuple[Runs, list[str]]:
    runs: Runs = {contender.name: [] for contender in contenders}
    broken: dict[str, str] = {}
    lines, rounds = context.sizes.lines, context.sizes.rounds
    for number in range(rounds + 1):
        for contender in contenders:
            if contender.name in broken:
                continue
            context.progress.say(f"round {number} of {rounds}: {contender.name}")
            try:
                run = run_once(contender, log, lines, context.target)
            except BrokenRunError as error:
                if contender in OURS:
                    raise
                broken[contender.name] = f"Left out: {contender.name}: {error}."
                del runs[contender.name]
                continue
            if number:
                runs[contender.name].append(run)
    return runs, list(broken.values())


def findings(runs: Mapping[str, Sequence[Run]], notes: Iterable[str]) -> list[tuple[int, Finding]]:
    """Return what rows 1 and 2 ask for."""
    peer = next((runs[name] for name in runs if name.startswith(PEER)), None)
    why = next((note for note in notes if PEER in note), f"no {PEER}")

    def beside(what: str, name: str, limit: float) -> Finding:
        figure = None
        if peer:
            ours = [run.cpu_us for run in runs[name]]
            figure = ratios(ours, [run.cpu_us for run in peer]).median
        unit = f"× {PEER}"
        return Finding(what=what, limit=limit, measured=figure, unit=unit, why=why)

    def faster(what: str, name: str, other: Sequence[Run] | None, limit: float) -> Finding:
        figure = None
        if other:
            ours = [run.lines_a_second for run in runs[name]]
            figure = ratios(ours, [run.lines_a_second for run in other]).median
        unit = f"× {PEER}" if other is peer else "× no workers"
        return Finding(what=what, limit=limit, measured=figure, unit=unit, most=False, why=why)

    return [
        (1, beside("no workers, requests of 500 kB", LARGE, 0.40)),
        (1, beside("no workers, requests of the default size", DEFAULT, 0.45)),
        (2, faster("no workers, requests of 500 kB", LARGE, peer, 1.7)),
        (2, faster("two workers, requests of 500 kB", TWO_LARGE, peer, 2.6)),
        (2, faster("two workers, requests of 500 kB", TWO_LARGE, runs[LARGE], 1.5)),
    ]


def table_of(runs: Mapping[str, Sequence[Run]]) -> Table:
    """Return the figures of all contenders."""
    peer = next((runs[name] for name in runs if name.startswith(PEER)), None)
    rows = []
    for name, each in runs.items():
        cost = [run.cpu_us for run in each]
        ratio = ratios(cost, [run.cpu_us for run in peer]).shown() if peer else ""
        rows.append(
            (
                name,
                spread(cost).shown(1),
                ratio,
                spread([run.lines_a_second for run in each]).shown(0),
                spread([run.peak_mb for run in each]).shown(0),
                spread([run.requests for run in each]).shown(0),
                spread([run.others for run in each]).shown(),
            )
        )
    return Table(
        head=("", "CPU µs a line", "ratio", "lines/s", "peak MB", "requests", "others"), rows=rows
    )


def chart_of(runs: Mapping[str, Sequence[Run]]) -> Chart:
    """Return cost and speed as bars."""
    cost = {name: spread([run.cpu_us for run in each]) for name, each in runs.items()}
    rate = {name: spread([run.lines_a_second for run in each]) for name, each in runs.items()}
    return Chart(
        name="peers",
        panels=[
            Bars(title="Processor time of a line", unit="µs", values=cost),
            Bars(title="Lines a second", unit="more is better", values=rate),
        ],
    )
