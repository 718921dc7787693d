"""Many files: a busy one does not make the others wait."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from shipper.pump import Pace
from shipper.tail.chunk import Limits
from tests.shipping import SWEEP, Make, Shipper, open_descriptors


def test_one_hot_file_and_many_cold_ones(ship: Make) -> None:
    """63: beside a file with much to read, 200 quiet ones are served within two seconds."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=4_096), pace=Pace(turn_bytes=8_192))
    shipper.logs.append("aaa-hot.log", *(f"hot {n} {'.' * 100}" for n in range(20_000)))
    for number in range(200):
        shipper.logs.append(f"cold-{number}.log", f"first {number}")
    shipper.turn(8)
    for number in range(200):
        shipper.logs.append(f"cold-{number}.log", f"second {number}")
    shipper.turn(8)
    lines = set(shipper.lines())

    assert {f"second {n}" for n in range(200)} <= lines


def test_several_hot_files_share_the_turns(ship: Make) -> None:
    """63: of forty files that all have much to read, none waits for another to end."""
    shipper = ship("*.log", limits=Limits(chunk_bytes=4_096), pace=Pace(turn_bytes=16_384))
    for number in range(40):
        shipper.logs.append(f"{number:02}.log", *(f"{number} {'.' * 100}" for _ in range(400)))
    shipper.turn(12)

    assert {str(n) for n in range(40)} == {line.split()[0] for line in shipper.lines()}


def _calls(turn: Callable[[], object]) -> int:
    """Return how many functions are called, Python's own included: the work, in no time."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        turn()
    finally:
        sys.setprofile(before)
    return count


def test_a_quiet_file_costs_a_stat(ship: Make) -> None:
    """64: a turn over quiet files calls few functions a file in a sweep, and none between two."""
    shipper = ship("*.log", limits=Limits(open_files=3_000))
    for number in range(1_000):
        shipper.logs.append(f"{number}.log", f"line {number}")
    for number in range(1_000):
        shipper.logs.write(f"empty-{number}.log", b"")
    shipper.catch_up()
    shipper.clock.pass_(10)
    shipper.turn(2)
    shipper.clock.pass_(SWEEP)
    sweep = _calls(shipper.pump.turn)
    between = _calls(shipper.pump.turn)
    shipper.logs.append("7.log", "more")
    shipper.clock.pass_(SWEEP)
    busy = _calls(shipper.pump.turn)

    assert sweep < 2_000 * 6
    assert between < 200
    assert busy < sweep + 2_000
    assert shipper.lines()[-1] == "more"


def _sizes(shipper: Shipper) -> dict[str, int]:
    """Return how much is kept of files, wherever something is."""
    fleet = shipper.fleet
    roster, survey = fleet._roster, fleet._survey
    kept = {
        name: len(getattr(owner, name))
        for owner, names in (
            (roster, ("tailers", "awake", "newcomers", "resting", "let_go", "arrivals")),
            (fleet, ("_strangers",)),
            (survey, ("places", "_known", "_named")),
        )
        for name in names
    }
    return {
        **kept,
        "orphans": len(roster.orphans),
        "departed": len(roster.departed.all()),
        "troubles": len(roster.troubles._known),
        "listings": len(survey._disk._now) + len(survey._disk._before),
        "descriptors": open_descriptors(),
    }


def test_churn_leaves_nothing_behind(ship: Make) -> None:
    """64: files and directories that come and go leave no descriptor and no trace in memory."""
    shipper = ship("**/*.log")
    shipper.logs.append("stays.log", "line")
    shipper.after_grace()
    before = _sizes(shipper)
    for round_ in range(4):
        for number in range(60):
            shipper.logs.append(f"pod-{round_}-{number}/app.log", f"line {round_} {number}")
            shipper.logs.write(f"pod-{round_}-{number}/empty.log", b"")
        shipper.catch_up()
        for number in range(60):
            name = f"pod-{round_}-{number}"
            (shutil.rmtree if number % 2 else _hide)(shipper.logs.path(name))
        shipper.logs.truncate("stays.log")
        shipper.logs.append("stays.log", f"line of round {round_}")
        shipper.after_grace()
        shipper.after_grace()

    assert _sizes(shipper) == before
    assert len(shipper.lines()) == 1 + 4 * 61


def _hide(folder: Path) -> None:
    folder.rename(folder.with_name(f".{folder.name}"))
