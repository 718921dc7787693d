"""The harness at work: a sink that counts, runs that count only if every line came once."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.access_log import access_lines, write_access_log, write_lines_of
from benchmarks.beside_peers import DEFAULT, LARGE, TWO, TWO_LARGE, findings
from benchmarks.latency import waits_of
from benchmarks.sink import IN_PYTHON, Sink, native, sink
from benchmarks.stages import Cost, outcome
from benchmarks.steady import Writer, write_in_turns
from benchmarks.whole_path import BrokenRunError, Contender, Run, run_once, shipper

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["native", "python"])
def target(request: pytest.FixtureRequest) -> Iterator[Sink]:
    if request.param == "native" and shutil.which("cc") is None:
        pytest.skip("no C compiler (cc)")
    with sink(native() if request.param == "native" else IN_PYTHON) as it:
        yield it


# The sink


@pytest.mark.e2e
def test_the_sink_knows_what_came_and_what_came_twice(target: Sink) -> None:
    """Events are counted, told apart by their serials, and each has its moment."""
    with closing(http.client.HTTPConnection("127.0.0.1", target.port)) as connection:
        for body in (b'[{"path":"/?r=0000007"},{"path":"/?r=0000003"}]', b"/?r=0000007 ?r=12"):
            connection.request("POST", "/", body)
            assert connection.getresponse().read()
    counts, (third, fourth) = target.counts(), target.times(3, 2)

    assert (counts.requests, counts.events, counts.distinct) == (2, 3, 2)
    assert counts.body_bytes == 47 + 17
    assert third == pytest.approx(counts.last_new, abs=1e-5)
    assert fourth == 0.0
    assert 0 <= time.monotonic() - third < 60
    target.reset()
    assert target.counts()[:5] == (0, 0, 0, 0, 0.0)


@pytest.mark.e2e
def test_the_sink_reads_bodies_in_chunks(target: Sink) -> None:
    """As rsyslog and others may send them, cut anywhere."""
    pieces = (b"path=/?r=00", b"00007", b" and ?r=0000008")
    with closing(http.client.HTTPConnection("127.0.0.1", target.port)) as connection:
        for _ in range(2):
            connection.request("POST", "/", iter(pieces), encode_chunked=True)
            assert connection.getresponse().read()

    assert target.counts()[:4] == (2, 2 * 31, 4, 2)


# Runs


@pytest.mark.e2e
def test_a_run_says_what_lines_cost(target: Sink, tmp_path: Path) -> None:
    """The real program ships a log; each line arrives once."""
    log = tmp_path / "access.log"
    write_access_log(log, 300)

    run = run_once(shipper("shipper"), log, 300, target)

    assert run.lines == 300
    assert run.cpu > 0
    assert 10 < run.peak_mb < 1000
    assert run.cpu_us == pytest.approx(run.cpu / 300 * 1e6)
    assert run.lines_a_second == pytest.approx(300 / run.seconds)
    assert run.requests >= 1


@pytest.mark.e2e
@pytest.mark.parametrize("lines", [299, 301])
def test_a_run_with_other_lines_than_were_written_counts_for_nothing(
    lines: int, tmp_path: Path
) -> None:
    """Whether one is missing or one too many: it is an error that says what came."""
    log = tmp_path / "access.log"
    write_access_log(log, 300)

    with sink() as it, pytest.raises(BrokenRunError, match=f"events=300.* of {lines} lines"):
        run_once(shipper("shipper"), log, lines, it)


@pytest.mark.e2e
def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    """The error has what the program said last."""
    command = [sys.executable, "-c", "import sys; sys.exit('no such option')"]
    broken = Contender(name="broken", prepare=lambda log, port, fresh: command)

    with sink() as it, pytest.raises(BrokenRunError, match=r"(?s)exit 1.*no such option"):
        run_once(broken, tmp_path / "access.log", 1, it)


@pytest.mark.e2e
def test_the_command_measures_one_row() -> None:
    """`python -m benchmarks --quick --row stages` prints stages and floors, and writes nothing."""
    page = ROOT / "docs" / "performance.md"
    before = page.read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--row", "stages"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    for stage in (
        "framing",
        "match",
        "convert and encode",
        "id",
        "compress",
        "join",
        "commit",
        "POST",
    ):
        assert f"\n| {stage} " in done.stdout
    assert "The stage that costs most is" in done.stdout
    assert page.read_bytes() == before


# Logs


def test_every_line_has_a_serial_of_its_own(tmp_path: Path) -> None:
    """Also where the forms repeat, and where a log goes on another's serials."""
    lines = list(access_lines(5, first=9_999_995))
    assert [line.partition("?r=")[2][:7] for line in lines] == [
        str(9_999_995 + n) for n in range(5)
    ]

    write_lines_of(tmp_path / "wide.log", 3, 1_000)
    wide = (tmp_path / "wide.log").read_text().splitlines(keepends=True)
    assert [len(line) for line in wide] == [1_000] * 3
    with pytest.raises(ValueError, match="no line has only 20 bytes"):
        write_lines_of(tmp_path / "wide.log", 3, 20)


def test_a_steady_writer_notes_each_line(tmp_path: Path) -> None:
    """As many moments as lines, in order."""
    with Writer(tmp_path / "steady.log", rate=1_000, seconds=0.05) as writer:
        pass

    assert writer.written == 50 == len((tmp_path / "steady.log").read_text().splitlines())
    assert writer.moments == sorted(writer.moments)


def test_lines_are_written_in_turns(tmp_path: Path) -> None:
    """Every log gets as many, and no serial comes twice."""
    logs = [tmp_path / f"{number}.log" for number in range(4)]

    assert write_in_turns(logs, rate=1_000, seconds=0.04, first=4) == 40

    texts = [log.read_text() for log in logs]
    assert [text.count("\n") for text in texts] == [10] * 4
    serials = {line.partition("?r=")[2][:7] for text in texts for line in text.splitlines()}
    assert serials == {f"{serial:07d}" for serial in range(4, 44)}


def test_waits_leave_out_what_warms_up() -> None:
    """The first tenth counts for nothing; the rest is in milliseconds."""
    written = [float(n) for n in range(10)]
    assert waits_of(written, [n + 0.5 for n in written]) == [500.0] * 9


# Findings


def _run(cpu: float, seconds: float = 1.0) -> Run:
    return Run(1_000_000, seconds, cpu, 40.0, 7, 0.0)


def test_rows_are_measured_beside_the_peer() -> None:
    """Cost and speed are ratios to syslog-ng, and workers to none."""
    runs = {
        LARGE: [_run(8, 2)],
        DEFAULT: [_run(10, 2)],
        TWO_LARGE: [_run(9, 1)],
        TWO: [_run(9, 1)],
        "syslog-ng 3.38": [_run(20, 4)],
    }

    measured = [(row, found.measured, found.verdict) for row, found in findings(runs, [])]

    assert measured == [
        (1, 0.4, "reached"),
        (1, 0.5, "not reached"),
        (2, 2.0, "reached"),
        (2, 4.0, "reached"),
        (2, 2.0, "reached"),
    ]


def test_a_peer_that_is_missing_is_named() -> None:
    """Nothing is measured beside it; what needs no peer is measured all the same."""
    runs = {name: [_run(8)] for name in (LARGE, DEFAULT, TWO_LARGE, TWO)}
    note = "Left out: syslog-ng: there is no apt-get."

    found = [each for _, each in findings(runs, [note])]

    assert [each.verdict for each in found] == ["not measured"] * 4 + ["not reached"]
    assert {each.result for each in found[:4]} == {note}


def test_a_peer_without_its_registry_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine without Debian's tools the error says what lacks."""
    monkeypatch.setattr(peers, "kept", tmp_path.joinpath)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(peers.MissingPeerError, match=r"syslog-ng.*no apt-get"):
        peers.syslog_ng()


def test_the_dearest_stage_is_named_with_its_distance() -> None:
    """And the one that is farthest above its floor, which need not be the same."""
    costs = [
        Cost(name="match", us=4.0, floor_name="findall", floor_us=3.5),
        Cost(name="encode", us=3.0, floor_name="orjson", floor_us=1.0),
    ]

    shown = " ".join(outcome(costs, 6.5, 9.0, 1_000).notes)

    assert "costs most is match: 4.00 µs, 1.1 times its floor" in shown
    assert "Farthest above its floor is encode, by 2.00 µs" in shown
