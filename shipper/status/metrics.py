"""The metrics, as Prometheus and those who speak its formats want them, made of the status.

Rule 1: every label has a bounded set of values: names of the configuration, and words of closed
        sets. No path, no text of a log or of a collector becomes one.
Rule 2: counters come from the state file, so they go on after a restart where they were.
Rule 3: what is not known has no sample: that nothing is known is no zero.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from shipper import __version__
from shipper.pump import BUSY
from shipper.room import DISK, FULL, LETTERS, LOG, OLD
from shipper.service.status import Status

Sample = tuple[tuple[str, ...], float]
"""The values of the labels, and the value."""

PAUSES: Final = (FULL, OLD, LETTERS, DISK, LOG, BUSY)
TROUBLES: Final = ("unavailable", "misconfigured", "unsettled", "set_aside")
VERDICTS: Final = ("delivered", "rejected", "misconfigured", "unavailable")
OUTCOMES: Final = ("emitted", "filtered", "rejected", "oversize", "blank")
REASONS: Final = frozenset(
    {
        "bad_event", "bad_time", "bad_value", "damaged", "filtered", "gap", "grammar_error",
        "no_match", "oversize", "rejected", "suspect", "timeout", "too_deep", "too_large",
    }
)  # fmt: skip
"""The reasons of dead letters that are labels; any other is ``other``."""


class Family(NamedTuple):
    """A metric: its name without the ending that its kind gives it, labels, and help."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Status], Iterable[Sample]]

    @property
    def sample_name(self) -> str:
        """The name that samples have."""
        return f"{self.name}_total" if self.kind == "counter" else self.name

    def filled(self, status: Status) -> Metric:
        """Return it with its samples."""
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        unit = next((unit for unit in ("bytes", "seconds") if self.name.endswith(f"_{unit}")), "")
        metric = kind(self.name, self.help, labels=self.labels, unit=unit)
        for labels, value in self.samples(status):
            metric.add_metric(list(labels), value)
        return metric


def _one(value: float | None) -> list[Sample]:
    return [] if value is None else [((), value)]


def _each(values: Mapping[str, float]) -> list[Sample]:
    return [((name,), value) for name, value in values.items()]


def _chosen(names: Iterable[str], reason: str) -> list[Sample]:
    """Return 1 for the one that holds, and 0 for the others, so that a graph has no holes."""
    return [((name,), float(name == reason)) for name in names]


def _letters(counts: Iterable[tuple[str, str, int]]) -> list[Sample]:
    sums: Counter[tuple[str, str]] = Counter()
    for source, reason, count in counts:
        sums[source, reason if reason in REASONS else "other"] += count
    return [(labels, count) for labels, count in sums.items()]


def _of_ledgers(name: str) -> Callable[[Status], list[Sample]]:
    def samples(status: Status) -> list[Sample]:
        return [((s,), getattr(ledger, name)) for s, ledger in status.ledgers.items()]

    return samples


def _outcomes(unit: str) -> Callable[[Status], list[Sample]]:
    def samples(status: Status) -> list[Sample]:
        return [
            ((source, outcome), getattr(ledger, f"{unit}_{outcome}"))
            for source, ledger in status.ledgers.items()
            for outcome in OUTCOMES
        ]

    return samples


def _by_source(status: Status, of: Callable[[int], int]) -> dict[str, float]:
    """Return a sum over the open files of each source; *of* is applied to their unread bytes."""
    sums: dict[str, float] = dict.fromkeys(status.ledgers, 0.0)
    for file in status.files:
        sums[file.source] = sums.get(file.source, 0.0) + of(file.unread)
    return sums


FAMILIES: Final = (
    Family(
        "shipper_build_info", "gauge", ("version", "python"),
        "Always 1; which shipper this is.",
        lambda _: [((__version__, platform.python_version()), 1.0)],
    ),
    Family(
        "shipper_healthy", "gauge", (),
        "1 while the reading goes round, else 0.",
        lambda s: _one(float(s.healthy)),
    ),
    Family(
        "shipper_sign_of_life_seconds", "gauge", (),
        "Seconds since the last sign of life of the reading; it comes every 5 seconds.",
        lambda s: _one(s.sign_of_life_seconds),
    ),
    Family(
        "shipper_paused", "gauge", ("reason",),
        "1 while nothing is read, for this reason; the log files keep what is new.",
        lambda s: _chosen(PAUSES, s.paused_reason),
    ),
    Family(
        "shipper_trouble", "gauge", ("reason",),
        "1 while nothing can be delivered, for this reason; the queue keeps the events.",
        lambda s: _chosen(TROUBLES, s.trouble_reason),
    ),
    Family(
        "shipper_failing_seconds", "gauge", (),
        "For how long nothing could be delivered; 0 when all is well.",
        lambda s: _one(s.failing_seconds),
    ),
    Family(
        "shipper_lines_read", "counter", ("source",),
        "Lines read of log files.",
        _of_ledgers("lines_read"),
    ),
    Family(
        "shipper_read_bytes", "counter", ("source",),
        "Bytes read of log files.",
        _of_ledgers("bytes_read"),
    ),
    Family(
        "shipper_ledger_lines", "counter", ("source", "outcome"),
        "Lines by what became of them; with the lines that are held they add up to those read.",
        _outcomes("lines"),
    ),
    Family(
        "shipper_ledger_bytes", "counter", ("source", "outcome"),
        "Bytes of lines by what became of them.",
        _outcomes("bytes"),
    ),
    Family(
        "shipper_lost_bytes", "counter", ("source",),
        "Bytes that were gone before they could be read, as of a file that was truncated.",
        _of_ledgers("bytes_lost"),
    ),
    Family(
        "shipper_lag_bytes", "gauge", ("source",),
        "Bytes of open files that are yet to be read.",
        lambda s: _each(_by_source(s, int)),
    ),
    Family(
        "shipper_open_files", "gauge", ("source",),
        "Files that are being read.",
        lambda s: _each(_by_source(s, lambda _: 1)),
    ),
    Family(
        "shipper_files_behind", "gauge", ("source",),
        "Open files of which something is yet to be read.",
        lambda s: _each(_by_source(s, bool)),
    ),
    Family(
        "shipper_catch_up_seconds", "gauge", (),
        "How long reading what is unread takes at the present rate; absent where it stands still.",
        lambda s: _one(s.eta_seconds),
    ),
    Family(
        "shipper_slow_records", "counter", ("grammar",),
        "Records on which a grammar took longer than a match may.",
        lambda s: _each(s.slow_grammars),
    ),
    Family(
        "shipper_events_made", "counter", ("source",),
        "Events made of log lines.",
        _of_ledgers("events"),
    ),
    Family(
        "shipper_events_received", "counter", ("source",),
        "Events taken from trackers, over HTTP and from spool files.",
        lambda s: _each(s.received),
    ),
    Family(
        "shipper_events_delivered", "counter", ("source",),
        "Events that the collector has taken.",
        lambda s: _each(s.delivered),
    ),
    Family(
        "shipper_events_refused", "counter", ("source",),
        "Events that the collector refused for good; they are dead letters.",
        lambda s: _each(s.refused),
    ),
    Family(
        "shipper_events_dropped", "counter", ("source",),
        "Events given up because the limits of the queue say so.",
        lambda s: _each(s.dropped),
    ),
    Family(
        "shipper_dead_letters", "counter", ("source", "reason"),
        "Dead letters filed, also those that were replayed or discarded since.",
        lambda s: _letters(s.dead_letters_filed),
    ),
    Family(
        "shipper_dead_letters_kept", "gauge", ("source", "reason"),
        "Dead letters that are kept at present.",
        lambda s: _letters(s.dead_letters),
    ),
    Family(
        "shipper_dead_letters_bytes", "gauge", (),
        "Bytes of the dead letters, compressed.",
        lambda s: _one(s.room.dead_letters),
    ),
    Family(
        "shipper_dead_letters_limit_bytes", "gauge", (),
        "The most bytes of dead letters: dead_letters.max_bytes.",
        lambda s: _one(s.room.dead_letters_limit),
    ),
    Family(
        "shipper_queue_events", "gauge", (),
        "Events that wait in the queue.",
        lambda s: _one(s.queued_events),
    ),
    Family(
        "shipper_queue_bytes", "gauge", (),
        "Bytes of the events in the queue, compressed.",
        lambda s: _one(s.queued_bytes),
    ),
    Family(
        "shipper_queue_oldest_seconds", "gauge", (),
        "Age of the oldest event in the queue; 0 where it is empty.",
        lambda s: _one(s.oldest_seconds or 0.0),
    ),
    Family(
        "shipper_set_aside_events", "gauge", (),
        "Events of the queue that fail while others pass; they are tried again beside the rest.",
        lambda s: _one(s.set_aside_events),
    ),
    Family(
        "shipper_set_aside_oldest_seconds", "gauge", (),
        "For how long the oldest of these events has failed; 0 where there are none.",
        lambda s: _one(s.oldest_set_aside_seconds),
    ),
    Family(
        "shipper_state_bytes", "gauge", (),
        "Bytes that the state takes: queue, dead letters, checkpoints, ledger.",
        lambda s: _one(s.room.state),
    ),
    Family(
        "shipper_state_limit_bytes", "gauge", (),
        "The size of the state at which the queue is full: queue.max_bytes.",
        lambda s: _one(s.room.state_limit),
    ),
    Family(
        "shipper_disk_free_bytes", "gauge", (),
        "Bytes of the disk of the state that are free for this user.",
        lambda s: _one(s.room.disk_free),
    ),
    Family(
        "shipper_disk_floor_bytes", "gauge", (),
        "Reading pauses while fewer bytes of the disk are free: queue.min_free.",
        lambda s: _one(s.room.disk_floor),
    ),
    Family(
        "shipper_requests", "counter", ("verdict",),
        "Requests to the collector, by what the answer means; no answer is unavailable.",
        lambda s: [((v,), s.requests.get(v, 0)) for v in VERDICTS],
    ),
    Family(
        "shipper_request_bytes", "counter", (),
        "Bytes of the bodies of these requests.",
        lambda s: _one(s.request_bytes),
    ),
    Family(
        "shipper_request_seconds", "counter", (),
        "Seconds that the answers to these requests took, summed up.",
        lambda s: _one(s.request_seconds),
    ),
)  # fmt: skip
"""All metrics but those of the process."""


class Metrics(Collector):
    """The metrics of one status."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        for family in FAMILIES:
            yield family.filled(self._status)


def exposition(status: Status, accept: str) -> tuple[bytes, str]:
    """Return the metrics of *status*, and their media type: one that *accept* names, or text.

    With them are `process_*`: the memory, processor time and descriptors of this process.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Metrics(status))
    ProcessCollector(registry=registry)
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
