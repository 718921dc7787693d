"""Replay of records that stood under a header of columns."""

from __future__ import annotations

from pathlib import Path

import orjson

from shipper.service.replay import Replayed
from tests.service.test_replay import Desk

COLUMNS = "name: visits\ntitle: x\nschema: iglu:com.example/visits/jsonschema/1-0-0\nparse: w3c\n"
LIMITED = "fields: {{n: {{type: integer, maximum: {}, minimum: 0}}, who: {{}}}}\n"


def test_a_record_under_a_header_is_read_by_it(tmp_path: Path) -> None:
    """The columns are those that held where the line stood; its id is that of the line alone."""
    desk = Desk(tmp_path)
    desk.write(COLUMNS + LIMITED.format(5))
    desk.read(b"#Fields: who n\nann 1\nbob 7\n#Fields: n who\n6 cat\n")
    assert sorted(letter.raw for letter in desk.letters()) == [
        b"#Fields: n who\n6 cat",
        b"#Fields: who n\nbob 7",
    ]
    desk.write(COLUMNS + LIMITED.format(9))
    assert desk.replay() == Replayed(queued=2, failed=0)
    fields = [orjson.loads(e["ue_pr"])["data"]["data"] for e in desk.queued()]
    assert sorted(f["who"] + str(f["n"]) for f in fields) == ["ann1", "bob7", "cat6"]

    (tmp_path / "again").mkdir()
    whole = Desk(tmp_path / "again")
    whole.write(COLUMNS + LIMITED.format(9))
    whole.read(b"#Fields: who n\nann 1\nbob 7\n#Fields: n who\n6 cat\n")
    assert {e["eid"] for e in whole.queued()} == {e["eid"] for e in desk.queued()}
