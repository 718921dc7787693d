"""Many files: a busy one does not make the others wait."""

from __future__ import annotations

from shipper.pump import Pace
from shipper.tail.chunk import Limits
from tests.shipping import Make


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
