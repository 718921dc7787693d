"""Row 5: from the write of a line to its arrival at the collector."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.charts import Chart, Curves
from benchmarks.context import Context
from benchmarks.figures import Finding, percentile
from benchmarks.report import Outcome, Table
from benchmarks.steady import LINE, Writer
from benchmarks.whole_path import BrokenRunError, fresh_run, wait_for

_RATES = (1_000, 10, 10_000)
"""Lines a second; the first is what the targets are for."""
_WARM = 0.1  # the share of the lines that warms up
_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0)


def latency(context: Context) -> Outcome:
    """Measure each rate by itself."""
    waits = {rate: _waits(context, rate) for rate in _RATES}
    wanted = waits[_RATES[0]]

    def finding(share: float, limit: float) -> Finding:
        what = f"p{share * 100:.0f} at {_RATES[0]:,} lines/s, from write to arrival"
        measured = percentile(wanted, share)
        return Finding(what=what, limit=limit, measured=measured, unit="ms", digits=1)

    return Outcome(
        title="Latency",
        findings=[(5, finding(0.5, 25)), (5, finding(0.99, 150))],
        tables=[table_of(waits)],
        charts=[
            Chart(
                name="latency",
                panels=[
                    Curves(
                        title="From write to arrival",
                        across="% of the lines",
                        unit="ms",
                        lines={
                            f"{rate:,} lines/s": [
                                (share * 100, percentile(each, share)) for share in _SHARES[:-2]
                            ]
                            for rate, each in waits.items()
                        },
                    )
                ],
            )
        ],
    )


def table_of(waits: dict[int, list[float]]) -> Table:
    """Return the percentiles by rate."""
    shares = (0.5, 0.9, 0.99, 0.999, 1.0)
    rows = [
        (f"{rate:,} lines/s", *(f"{percentile(each, share):.1f}" for share in shares))
        for rate, each in waits.items()
    ]
    return Table(head=("ms", *(f"p{share * 100:g}" for share in shares)), rows=rows)


def _waits(context: Context, rate: int) -> list[float]:
    """Return the milliseconds that each line took, but for those that warmed up."""
    context.progress.say(f"latency: {rate:,} lines/s for {context.sizes.latency_seconds:g} s")
    log = context.work / f"latency-{rate}.log"
    # A line before all others, with a serial that none of them has, tells that it reads.
    log.write_text(LINE.format(9_999_999))  # sink.c holds no greater
    with fresh_run(log, context.target) as process:
        wait_for(process, 1, context.target)
        with Writer(log, rate, context.sizes.latency_seconds) as writer:
            pass
        wait_for(process, writer.written + 1, context.target)
        counts = context.target.counts()
        if counts.events != writer.written + 1:
            raise BrokenRunError(f"latency: {counts} of {writer.written + 1} lines")
        arrivals = context.target.times(0, writer.written)
    return waits_of(writer.moments, arrivals)


def waits_of(written: Sequence[float], arrived: Sequence[float]) -> list[float]:
    """Return the milliseconds between, but for those that warmed up."""
    warm = int(len(written) * _WARM)
    pairs = list(zip(written, arrived, strict=True))[warm:]
    return [(there - here) * 1000 for here, there in pairs]
