"""``python -m benchmarks.herd``: a thousand shippers, whose collector comes back after an hour.

A simulation in virtual time over the real `Backoff`. Each shipper has a backlog of requests and one
sender. The collector has workers and a short queue; whom it has no room for gets a 503, which costs
it a little, too. *Plain* draws no pause, but always takes the ceiling, as exponential backoff
without jitter does. *Eager* tries again each second. *Forgetful* draws pauses, and forgets all
failures at the first success.
"""

from __future__ import annotations

import argparse
import heapq
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from shipper.backoff import Backoff, Leave

_FIGURE = Path(__file__).parents[1] / "docs" / "herd.svg"
# Of the figure, in its own units: the whole, a panel with its ticks, a panel's axes.
_WIDTH, _TOP, _LEFT, _PANEL, _HEIGHT = 860, 34, 60, 216, 170


class Plain(Random):
    """No jitter: the pause is the ceiling."""

    def uniform(self, _a: float, b: float) -> float:
        return b


class Forgetful(Backoff):
    """Begins anew after a success."""

    def succeed(self, _leave: Leave) -> None:
        super().succeed(_leave)
        self._memory = 0.0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Seconds, and numbers of requests."""

    shippers: int = 1_000
    backlog: int = 120
    outage: float = 3_600.0
    workers: int = 50
    service: float = 0.1
    queue: int = 200
    refusal: float = 0.005
    together: float = 0.5

    @property
    def capacity(self) -> float:
        return self.workers / self.service


@dataclass
class Outcome:
    """`load`: requests that arrived, by second; `drained`: when each shipper was done."""

    load: Counter[int] = field(default_factory=Counter)
    taken: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    tries: int = 0
    drained: list[float] = field(default_factory=list)
    half: list[int] = field(default_factory=list)

    def figures(self, setting: Setting) -> dict[str, float]:
        back = int(setting.outage)
        after = {second: count for second, count in self.load.items() if second >= back}
        least = setting.shippers * setting.backlog / setting.capacity
        ends = [end - setting.outage for end in self.drained]
        return {
            "tries a shipper in the outage": self.tries / setting.shippers,
            "peak load in the outage, requests/s": max(
                count for second, count in self.load.items() if 60 <= second < back
            ),
            "peak load after it, requests/s": max(after.values()),
            "refused after it, a request": self.refused / (setting.shippers * setting.backlog),
            "first request after, s": min(after) - back,
            "time to drain, s": max(ends),
            "of the least possible": max(ends) / least,
            "the first shipper is done, s": min(ends),
            "the median shipper, s": statistics.median(ends),
            "fairness at half time (Jain)": _jain(self.half),
        }


def _jain(shares: list[int]) -> float:
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


class World:
    """The simulation; `now` is in seconds since the collector went away."""

    def __init__(self, setting: Setting, gates: list[Backoff], rng: Random) -> None:
        self.setting, self.gates = setting, gates
        self.outcome = Outcome()
        self.sent = 0
        self.left = [setting.backlog] * setting.shippers
        self.free = [setting.outage] * setting.workers
        self.waiting: list[float] = []
        self.turns: list[tuple[float, int, Callable[[float, int], None]]] = []
        for shipper in range(setting.shippers):
            self._at(rng.uniform(0.0, setting.together), shipper, self._turn)

    def run(self) -> Outcome:
        total = self.setting.shippers * self.setting.backlog
        while self.turns:
            now, shipper, act = heapq.heappop(self.turns)
            act(now, shipper)
            if not self.outcome.half and 2 * self.sent >= total:
                self.outcome.half = [self.setting.backlog - left for left in self.left]
        return self.outcome

    def _at(self, when: float, shipper: int, act: Callable[[float, int], None]) -> None:
        heapq.heappush(self.turns, (when, shipper, act))

    def _turn(self, now: float, shipper: int) -> None:
        leave = self.gates[shipper].enter(now)
        if leave.wait:
            self._at(now + leave.wait, shipper, self._turn)
            return
        self.outcome.load[int(now)] += 1
        if now < self.setting.outage:
            self.outcome.tries += 1
            self._fail(leave, now, shipper)
            return
        self._arrive(leave, now, shipper)

    def _arrive(self, leave: Leave, now: float, shipper: int) -> None:
        while self.waiting and self.waiting[0] <= now:
            heapq.heappop(self.waiting)
        begin = max(now, heapq.heappop(self.free))
        if len(self.waiting) >= self.setting.queue and begin > now:
            heapq.heappush(self.free, begin + self.setting.refusal)
            self.outcome.refused += 1
            self._fail(leave, now, shipper)
            return
        end = begin + self.setting.service
        heapq.heappush(self.free, end)
        if begin > now:
            heapq.heappush(self.waiting, begin)

        def done(now: float, shipper: int) -> None:
            self.gates[shipper].succeed(leave)
            self.left[shipper] -= 1
            self.sent += 1
            self.outcome.taken[int(now)] += 1
            if self.left[shipper]:
                self._turn(now, shipper)
            else:
                self.outcome.drained.append(now)

        self._at(end, shipper, done)

    def _fail(self, leave: Leave, now: float, shipper: int) -> None:
        self.gates[shipper].fail(leave, now)
        self._at(now + 1e-6, shipper, self._turn)


KINDS = ("full jitter", "forgetful", "plain", "eager")


def simulate(kind: str, setting: Setting, seed: int = 1) -> Outcome:
    """Run one kind of pauses, one of `KINDS`."""
    rng = Random(seed)
    first, cap = (1.0, 1.0) if kind == "eager" else (0.5, 60.0)
    draw = rng if kind in ("full jitter", "forgetful") else Plain()
    gate = Forgetful if kind == "forgetful" else Backoff
    gates = [gate(first, cap, draw) for _ in range(setting.shippers)]
    return World(setting, gates, rng).run()


# The figure


def figure(outcomes: dict[str, Outcome], setting: Setting) -> str:
    """Draw the load on the collector, a panel a kind, from a minute before its return on.

    All panels have one scale, so that their heights can be compared.
    """
    begin, end = int(setting.outage) - 60, int(setting.outage) + 300
    seconds = range(begin, end)
    peak = max(outcome.load[second] for outcome in outcomes.values() for second in seconds)
    window = (begin, end, max(peak, int(setting.capacity)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} '
        f'{_TOP + len(outcomes) * _PANEL}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        *_legend(),
    ]
    for index, (kind, outcome) in enumerate(outcomes.items()):
        bottom = _TOP + index * _PANEL + 24 + _HEIGHT
        parts.append(_panel(kind, outcome, window, bottom, setting.capacity))
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> Iterator[str]:
    entries = (
        ("#222", "", "requests that arrive, a second"),
        ("#e80", "", "requests that are taken, a second"),
        ("#2a7", "2 3", "what the collector can take"),
        ("#888", "4 3", "its return"),
    )
    left = _LEFT
    for colour, dashes, words in entries:
        yield (
            f'<line x1="{left}" x2="{left + 22}" y1="14" y2="14" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dashes or "none"}"/>'
        )
        yield f'<text x="{left + 28}" y="18">{words}</text>'
        left += 40 + 6 * len(words)


def _panel(
    kind: str, outcome: Outcome, window: tuple[int, int, int], bottom: int, capacity: float
) -> str:
    begin, end, peak = window
    step, top = (_WIDTH - _LEFT - 20) / (end - begin), bottom - _HEIGHT

    def level(count: float) -> float:
        return bottom - _HEIGHT * count / peak

    def across(height: float, style: str) -> str:
        ends = f'x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{height:.1f}" y2="{height:.1f}"'
        return f"<line {ends} {style}/>"

    def line(counts: Counter[int], colour: str) -> str:
        points = " ".join(
            f"{_LEFT + (second - begin) * step:.1f},{level(counts[second]):.1f}"
            for second in range(begin, end)
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}"/>'

    back = _LEFT + 60 * step
    ticks = [
        f'<text x="{_LEFT + second * step:.0f}" y="{bottom + 15}" text-anchor="middle">'
        f"{second - 60} s</text>"
        for second in range(0, end - begin, 60)
    ]
    marks = [
        f'<text x="{_LEFT - 6}" y="{level(count) + 4:.1f}" text-anchor="end">{count:,}</text>'
        for count in range(0, peak + 1, 500)
    ]
    return "\n".join(
        [
            f'<text x="{_LEFT}" y="{top - 6}" font-weight="bold">{kind}</text>',
            across(bottom, 'stroke="black"'),
            across(level(capacity), 'stroke="#2a7" stroke-dasharray="2 3"'),
            f'<line x1="{back:.0f}" x2="{back:.0f}" y1="{top}" y2="{bottom}" stroke="#888" '
            'stroke-dasharray="4 3"/>',
            *ticks,
            *marks,
            line(outcome.load, "#222"),
            line(outcome.taken, "#e80"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.herd", description=__doc__)
    parser.add_argument("--shippers", type=int, default=1_000)
    parser.add_argument("--collectors", type=int, default=1, help="so many times its capacity")
    parser.add_argument("--kind", action="append", choices=[*KINDS], help="only this one")
    parser.add_argument("--figure", type=Path, default=_FIGURE, help="where to draw it")
    options = parser.parse_args()
    one, many = Setting(), options.collectors
    setting = Setting(shippers=options.shippers, workers=one.workers * many, queue=one.queue * many)
    outcomes = {kind: simulate(kind, setting) for kind in options.kind or KINDS}
    columns = {kind: outcome.figures(setting) for kind, outcome in outcomes.items()}
    print(f"{setting.shippers:,} shippers × {setting.backlog} requests, {setting.capacity:.0f}/s")
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name in next(iter(columns.values())):
        row = " | ".join(f"{column[name]:,.2f}" for column in columns.values())
        print(f"| {name} | {row} |")
    if len(outcomes) == len(KINDS):
        options.figure.write_text(figure(outcomes, setting), encoding="utf-8")


if __name__ == "__main__":
    main()
