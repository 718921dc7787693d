"""The library's emitter, against a real collector on the loopback address."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
import requests

import shipper
from shipper import Emitter, EventTooLargeError, InvalidValueError, Outcome, Tracker
from shipper.devcollector.app import Answer
from shipper.devcollector.schemas import Memory
from shipper.devcollector.server import DevCollector
from shipper.errors import StateError
from shipper.store.database import Database
from shipper.store.lock import sender_lock
from shipper.store.store import Store
from tests.arrivals import free_port
from tests.program import eventually
from tests.store.faulty import Faulty, error

URL = "https://example.com/"


class Script:
    """Answers with *status* while it is set, and with 400 to what holds *refused*."""

    def __init__(self) -> None:
        self.status = 0
        self.refused = b""

    def __call__(self, _method: str, _target: str, body: bytes) -> Answer | None:
        if self.refused and self.refused in body:
            return Answer(400)
        return Answer(self.status) if self.status else None


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[DevCollector]:
    with DevCollector(Memory({}), intercept=script) as it:
        yield it


def ids(server: DevCollector) -> list[str]:
    return [item["rawEvent"]["parameters"]["eid"] for item in server.good()]


def waiting(queue: Path) -> int:
    store = Store.open(queue)
    try:
        return store.backlog().events
    finally:
        store.close()


def fill(tracker: Tracker, title: str) -> None:
    for _ in range(100):
        tracker.track_page_view(URL, title)


# Options


def test_options_are_readable_and_have_the_documented_defaults(tmp_path: Path) -> None:
    """What was set is read back; POST over HTTPS, 500 events a request are the defaults."""
    with Emitter(collector="collector.example.com", queue=tmp_path, send=False) as emitter:
        assert (emitter.method, emitter.protocol, emitter.send_limit) == ("post", "https", 500)
        assert (emitter.byte_limit_post, emitter.byte_limit_get) == (180_000, 8_000)
        assert emitter.url == "https://collector.example.com/com.snowplowanalytics.snowplow/tp2"
        with pytest.raises(FrozenInstanceError):
            emitter.method = "get"  # type: ignore[misc]  # the mistake


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({"collector": "c.example", "protocol": "http", "method": "get"}, "http://c.example/i"),
        ({"collector": "c.example:90", "method": "get"}, "https://c.example:90/i"),
        ({"collector": "http://c.example/", "method": "get"}, "http://c.example/i"),
        ({"collector": "c.example", "port": 90, "method": "get"}, "https://c.example:90/i"),
        ({"collector": "c.example/base/", "method": "get"}, "https://c.example/base/i"),
    ],
)
def test_the_address_is_built_of_what_is_said(
    options: dict[str, Any], url: str, tmp_path: Path
) -> None:
    """A scheme and a port in the collector win over the options; a slash at the end is dropped."""
    with Emitter(queue=tmp_path, send=False, **options) as emitter:
        assert emitter.url == url


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"collector": ""}, "collector"),
        ({"collector": None}, "collector"),
        ({"collector": "ftp://c.example"}, "collector"),
        ({"collector": "http://c.example:x"}, "collector"),
        ({"method": "POST"}, "method"),
        ({"protocol": "gopher"}, "protocol"),
        ({"durability": "none"}, "durability"),
        ({"queue": ""}, "queue"),
        ({"send_limit": 0}, "send_limit"),
        ({"byte_limit_post": "1"}, "byte_limit_post"),
        ({"read_timeout": float("nan")}, "read_timeout"),
        ({"port": 70_000}, "port"),
        ({"callback": "f"}, "callback"),
        ({"collector": "c d.example"}, "collector"),
        ({"collector": "c.example\nd"}, "collector"),
        ({"collector": "http://c.example/#top"}, "collector"),
        ({"collector": "http://me:secret@c.example"}, "collector"),
        ({"queue": None}, "queue"),
        ({"queue": b"queue"}, "queue"),
        ({"queue": "que\0ue"}, "queue"),
        ({"queue": "que\ud800ue"}, "queue"),
        ({"headers": None}, "headers"),
        ({"headers": [1]}, "headers"),
        ({"headers": {"no name": "1"}}, "headers"),
        ({"headers": {"X-Tenant": 1}}, "headers.X-Tenant"),
        ({"headers": {"X-Tenant": "a\r\nX-Other: b"}}, "headers.X-Tenant"),
        ({"session": "s"}, "session"),
        ({"blocking": "no"}, "blocking"),
        ({"send": 0}, "send"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"longest_pause": 0}, "longest_pause"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    options: dict[str, Any], field: str, tmp_path: Path
) -> None:
    """Nothing is opened before all options are checked."""
    queue = tmp_path / "queue"
    with pytest.raises(InvalidValueError) as caught:
        Emitter(**{"collector": "c.example", "queue": queue, **options})
    assert caught.value.field == field
    assert "secret" not in str(caught.value)
    assert not queue.exists()


def test_a_queue_that_can_not_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    """A file stands where the directory should."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="file"):
        Emitter(collector="c.example", queue=tmp_path / "file")


# Sending


@pytest.mark.parametrize("method", ["post", "get"])
@pytest.mark.parametrize("blocking", [True, False])
def test_events_arrive(method: Any, blocking: bool, server: DevCollector, tmp_path: Path) -> None:
    """By either method, blocking or not, once each and good, with their texts as they were."""
    with Emitter(collector=server.url, queue=tmp_path, method=method, blocking=blocking) as emitter:
        tracker = Tracker(emitter)
        sent = [tracker.track_page_view(URL, f"Grüße {n} & +").event_id for n in range(30)]
        assert emitter.flush(30) == 0
    assert sorted(ids(server)) == sorted(sent)
    titles = {item["rawEvent"]["parameters"]["page"] for item in server.good()}
    assert titles == {f"Grüße {n} & +" for n in range(30)}


def test_a_blocking_receipt_is_done_and_the_event_in_the_file(tmp_path: Path) -> None:
    """Another connection sees the event as soon as `track` returned."""
    with Emitter(collector="c.example", queue=tmp_path, send=False) as emitter:
        receipt = Tracker(emitter).track_page_view(URL)
        assert receipt.done()
        assert receipt.result(0) == receipt.event_id
        assert waiting(tmp_path) == 1


def test_an_asynchronous_receipt_is_done_when_the_event_is_in_the_file(tmp_path: Path) -> None:
    """Whoever waits for the last of many finds all of them in the queue."""
    options: Any = {"blocking": False, "durability": "power", "send": False}
    with Emitter(collector="c.example", queue=tmp_path, **options) as emitter:
        receipts = [Tracker(emitter).track_page_view(URL) for _ in range(500)]
        assert receipts[-1].result(30) == receipts[-1].event_id
        assert all(receipt.done() for receipt in receipts)
        assert waiting(tmp_path) == 500


def test_a_receipt_tells_why_an_event_is_not_in_the_queue(tmp_path: Path) -> None:
    """The file is at its ceiling: blocking calls raise, asynchronous receipts carry the error."""
    many: Any = {"collector": "c.example", "queue": tmp_path, "send": False}
    with Emitter(**many, max_queue_bytes=1_000_000) as emitter:
        emitter._works().queue._database._db.execute("PRAGMA max_page_count = 1").fetchall()
        title = "".join(map(chr, range(0x4E00, 0x4E00 + 1900)))
        with pytest.raises(StateError, match="can't grow"):
            fill(Tracker(emitter), title)
        stored = waiting(tmp_path)
    with Emitter(**many, blocking=False) as emitter:
        emitter._works().queue._database._db.execute("PRAGMA max_page_count = 1").fetchall()
        receipts = [Tracker(emitter).track_page_view(URL, title) for _ in range(100)]
        assert isinstance(receipts[-1].exception(30), StateError)
        good = sum(receipt.exception(30) is None for receipt in receipts)
    assert waiting(tmp_path) == stored + good


def test_a_transaction_is_one_and_its_items(server: DevCollector, tmp_path: Path) -> None:
    """1 + n events; a bad item leaves the queue as it was."""
    item: Any = {"sku": "s", "price": 1.5, "quantity": 1}
    bad: Any = {**item, "sku": None}
    with Emitter(collector=server.url, queue=tmp_path) as emitter:
        tracker = Tracker(emitter)
        with pytest.raises(InvalidValueError):
            tracker.track_ecommerce_transaction("o", 3, [item, bad])
        assert emitter._works().queue.newest() == 0
        tracker.track_ecommerce_transaction("o", 3, [item, item])
        assert emitter.flush(30) == 0
    kinds = [item["rawEvent"]["parameters"]["e"] for item in server.good()]
    assert sorted(kinds) == ["ti", "ti", "tr"]


@pytest.mark.parametrize("method", ["post", "get"])
def test_an_event_over_the_limit_is_refused_by_name(method: Any, tmp_path: Path) -> None:
    """A 1 MB event: an error, nothing stored; not sent once and forgotten."""
    with Emitter(collector="c.example", queue=tmp_path, method=method, send=False) as emitter:
        big = shipper.SelfDescribingJson("iglu:com.example/a/jsonschema/1-0-0", {"a": "x" * 10**6})
        with pytest.raises(EventTooLargeError, match=f"byte_limit_{method}"):
            Tracker(emitter).track_self_describing_event(big)
        assert waiting(tmp_path) == 0


def test_a_request_is_cut_at_the_limits(server: DevCollector, tmp_path: Path) -> None:
    """Three events, two of which fit in a POST: two requests; none is over the limit."""
    told: list[Outcome] = []
    common: Any = {"queue": tmp_path, "byte_limit_post": 1_200}
    with Emitter(collector="c.example", send=False, **common) as emitter:
        for _ in range(3):
            Tracker(emitter).track_page_view(URL, "x" * 300)
    with Emitter(collector=server.url, callback=told.append, **common) as emitter:
        assert emitter.flush(30) == 0
    assert [outcome.count for outcome in told] == [2, 1]
    assert max(len(outcome.body) for outcome in told) <= 1_200


def test_the_send_limit_bounds_the_events_of_a_request(
    server: DevCollector, tmp_path: Path
) -> None:
    """Ten that wait, three a request: four requests."""
    told: list[Outcome] = []
    with Emitter(collector="c.example", queue=tmp_path, send=False) as emitter:
        for _ in range(10):
            Tracker(emitter).track_page_view(URL)
    with Emitter(
        collector=server.url, queue=tmp_path, send_limit=3, callback=told.append
    ) as emitter:
        assert emitter.flush(30) == 0
    assert [outcome.count for outcome in told] == [3, 3, 3, 1]


def test_the_callback_hears_of_each_request(
    server: DevCollector, script: Script, tmp_path: Path
) -> None:
    """Counts, status and payloads of what failed and passed; what it raises stops nothing."""
    told: list[Outcome] = []
    heard = threading.Event()

    def callback(outcome: Outcome) -> None:
        told.append(outcome)
        heard.set()
        raise RuntimeError("the callback's own")

    script.status = 503
    with Emitter(
        collector=server.url, queue=tmp_path, callback=callback, first_pause=0.01
    ) as emitter:
        sent = Tracker(emitter).track_page_view(URL).event_id
        assert heard.wait(30)
        script.status = 0
        assert emitter.flush(30) == 0
    first, last = told[0], told[-1]
    assert (first.count, first.status, first.delivered) == (1, 503, False)
    assert "503" in first.why
    assert (last.count, last.status, last.delivered) == (1, 200, True)
    assert [payload["eid"] for payload in last.payloads()] == [sent]
    assert last.payloads()[0]["stm"].isdigit()


def test_no_collector_is_status_0_and_no_error(tmp_path: Path) -> None:
    """A closed port: the event waits, `flush` says so, and nothing is raised."""
    told: list[Outcome] = []
    heard = threading.Event()
    address = f"http://127.0.0.1:{free_port()}"

    def callback(outcome: Outcome) -> None:
        told.append(outcome)
        heard.set()

    with Emitter(
        collector=address,
        queue=tmp_path,
        callback=callback,
        exit_timeout=0.0,
    ) as emitter:
        Tracker(emitter).track_page_view(URL)
        assert heard.wait(30)
        assert emitter.flush(0.05) == 1
    assert (told[0].status, told[0].delivered) == (0, False)
    assert waiting(tmp_path) == 1


def test_a_collector_that_does_not_answer_is_status_0(tmp_path: Path) -> None:
    """It took the connection and says nothing: after `read_timeout` that is told, and kept."""
    told: list[Outcome] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options: Any = {"collector": address, "queue": tmp_path, "send": False}
        with Emitter(**options, read_timeout=0.1, callback=told.append) as emitter:
            Tracker(emitter).track_page_view(URL)
            assert emitter.drain().left == 1
    assert [(outcome.status, outcome.delivered) for outcome in told] == [(0, False)]
    assert "no answer in time" in told[0].why


def test_what_waits_through_an_outage_arrives_after_it(tmp_path: Path) -> None:
    """The collector is down, then up: every event comes, once."""
    port = free_port()
    with Emitter(
        collector=f"http://127.0.0.1:{port}", queue=tmp_path, longest_pause=0.1
    ) as emitter:
        sent = [Tracker(emitter).track_page_view(URL).event_id for _ in range(50)]
        assert emitter.flush(0.1) == 50
        with DevCollector(Memory({}), port=port) as server:
            assert emitter.flush(30) == 0
            assert sorted(ids(server)) == sorted(sent)


@pytest.mark.parametrize("status", [404, 501])
def test_what_is_not_taken_is_kept(
    status: int, server: DevCollector, script: Script, tmp_path: Path
) -> None:
    """Neither a wrong path nor a failing collector costs an event: the next start has it."""
    script.status = status
    with Emitter(collector=server.url, queue=tmp_path, exit_timeout=0.0) as emitter:
        sent = Tracker(emitter).track_page_view(URL).event_id
        emitter.flush(0.2)
    script.status = 0
    with Emitter(collector=server.url, queue=tmp_path) as emitter:
        assert emitter.flush(30) == 0
    assert ids(server) == [sent]


def test_what_was_taken_is_settled_at_the_end(
    server: DevCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that errs while the answer comes, and not at the end: nothing is sent again."""
    failed: list[str] = []

    def fault(sql: str) -> sqlite3.Error | None:
        if failed or not sql.startswith("DELETE FROM batch"):
            return None
        failed.append(sql)
        return error(sqlite3.SQLITE_IOERR_WRITE)

    monkeypatch.setattr(Database, "connection", Faulty)
    monkeypatch.setattr(Faulty, "fault", staticmethod(fault))
    with Emitter(
        collector=server.url, queue=tmp_path, first_pause=600.0, longest_pause=600.0
    ) as emitter:
        sent = Tracker(emitter).track_page_view(URL).event_id
        eventually(lambda: bool(failed))
        emitter.stop(2)
    assert waiting(tmp_path) == 0
    assert ids(server) == [sent]


def test_what_is_refused_for_good_is_a_dead_letter(
    server: DevCollector, script: Script, tmp_path: Path
) -> None:
    """400 for one event while others pass: asked once, kept with the reason, in nobody's way."""
    told: list[Outcome] = []
    script.refused = b"poison"
    with Emitter(collector=server.url, queue=tmp_path, callback=told.append) as emitter:
        for title in ("good", "poison", "good"):
            Tracker(emitter).track_page_view(URL, title)
            assert emitter.flush(30) == 0
    assert [outcome.status for outcome in told] == [200, 400, 200]
    store = Store.open(tmp_path)
    (letter,) = store.dead_letters.page()
    store.close()
    assert letter.reason == "rejected"
    assert b"poison" in (letter.event or b"")


@pytest.mark.parametrize("method", ["post", "get"])
def test_a_session_of_the_callers_own_is_used(
    method: Any, server: DevCollector, tmp_path: Path
) -> None:
    """Its headers go out with each request; the events arrive all the same."""
    seen: list[str] = []
    with requests.Session() as session:
        session.headers["X-Team"] = "blue"
        session.hooks["response"] = [
            lambda answer, **_: seen.append(answer.request.headers["X-Team"])
        ]
        with Emitter(
            collector=server.url, queue=tmp_path, method=method, session=session
        ) as emitter:
            Tracker(emitter).track_page_view(URL)
            assert emitter.flush(30) == 0
    assert seen == ["blue"]
    assert server.counts().good == 1


def test_two_emitters_share_a_queue_and_one_sends(server: DevCollector, tmp_path: Path) -> None:
    """While another holds the lock, an emitter only adds; what it added is sent by the other."""
    told: list[Outcome] = []
    with Emitter(collector=server.url, queue=tmp_path) as one:
        Tracker(one).track_page_view(URL)
        assert one.flush(30) == 0
        with Emitter(collector=server.url, queue=tmp_path, callback=told.append) as two:
            Tracker(two).track_page_view(URL)
            assert two.flush(30) == 0
    assert server.counts().good == 2
    assert told == []


def test_where_the_shipper_runs_the_library_only_adds(tmp_path: Path) -> None:
    """The lock of `shipper run` is respected, and the audit of the directory adds up."""
    tmp_path.mkdir(exist_ok=True)
    with sender_lock(tmp_path):
        address = f"http://127.0.0.1:{free_port()}"
        with Emitter(collector=address, queue=tmp_path, exit_timeout=0.2) as emitter:
            Tracker(emitter).track_page_view(URL)
            assert not emitter._works().sender.holds  # type: ignore[union-attr]  # it has one
    assert waiting(tmp_path) == 1


def test_many_threads_may_track(server: DevCollector, tmp_path: Path) -> None:
    """Eight threads, blocking and not: every event arrives once."""
    for blocking in (True, False):
        server.reset()
        with Emitter(
            collector=server.url, queue=tmp_path / str(blocking), blocking=blocking
        ) as emitter:
            tracker = Tracker(emitter)
            with ThreadPoolExecutor(8) as pool:
                jobs = [pool.submit(tracker.track_page_view, URL) for _ in range(400)]
                sent = [job.result().event_id for job in jobs]
            assert emitter.flush(30) == 0
        assert sorted(ids(server)) == sorted(sent)


def test_is_sending_tells_of_a_request_under_way(tmp_path: Path) -> None:
    """True from before the request until its answer, false when idle and for who only adds."""
    asked, let_go = threading.Event(), threading.Event()

    def hold(_method: str, _target: str, _body: bytes) -> None:
        asked.set()
        assert let_go.wait(30)

    with DevCollector(Memory({}), intercept=hold) as server:
        emitter = Emitter(collector=server.url, queue=tmp_path)
        eventually(lambda: not emitter.is_sending)
        Tracker(emitter).track_page_view(URL)
        assert asked.wait(30)
        assert emitter.is_sending
        with Emitter(collector=server.url, queue=tmp_path, send=False) as adds:
            assert not adds.is_sending
        assert emitter.flush(0.05) == 1  # nothing waits to be sent, but the answer is not there
        let_go.set()
        assert emitter.flush(30) == 0
        eventually(lambda: not emitter.is_sending)
        emitter.stop()
    assert not emitter.is_sending


def test_a_stopped_emitter_takes_nothing(tmp_path: Path) -> None:
    """`stop` may be called twice; after it, `track` says what is wrong."""
    emitter = Emitter(collector="c.example", queue=tmp_path, send=False)
    assert emitter.stop() == 0
    assert emitter.stop() == 0
    with pytest.raises(RuntimeError, match="stopped"):
        Tracker(emitter).track_page_view(URL)


def test_stop_tells_what_waits_where_nothing_is_sent(tmp_path: Path) -> None:
    """An emitter that only adds leaves its events to others, and says how many there are."""
    emitter = Emitter(collector="c.example", queue=tmp_path, send=False)
    fill(Tracker(emitter), "a")
    assert emitter.stop() == waiting(tmp_path) == 100


@pytest.mark.parametrize("options", [{}, {"blocking": False}, {"durability": "power"}])
def test_who_tracks_while_another_thread_stops_hears_of_it(
    options: dict[str, Any], tmp_path: Path
) -> None:
    """The event that comes too late is refused in words: it is not lost in silence."""
    emitter = Emitter(collector="c.example", queue=tmp_path, send=False, **options)
    works = emitter._works()
    emitter.stop()
    emitter._state.works = works  # what the thread had in hand when the other began to stop
    with pytest.raises(RuntimeError, match="stopped"):
        Tracker(emitter).track_page_view(URL)
    assert waiting(tmp_path) == 0


def test_a_receipt_that_nobody_waits_for_any_more_stops_nothing(tmp_path: Path) -> None:
    """`asyncio.wait_for` cancels the future that it gave up on; the event and the next arrive."""
    with Emitter(collector="c.example", queue=tmp_path, send=False, blocking=False) as emitter:
        given_up = Tracker(emitter).track_page_view(URL)
        assert not given_up.cancel()
        assert Tracker(emitter).track_page_view(URL).result(30)
        assert waiting(tmp_path) == 2


@pytest.mark.timeout(50)
def test_a_callback_may_flush_and_stop(server: DevCollector, tmp_path: Path) -> None:
    """It runs in the thread that would be waited for, so there neither waits for it."""
    done: list[int] = []
    called = threading.Event()

    def callback(_: Outcome) -> None:
        done.extend((emitter.flush(3_600), emitter.stop(3_600)))
        called.set()

    emitter = Emitter(collector=server.url, queue=tmp_path, callback=callback)
    Tracker(emitter).track_page_view(URL)
    assert called.wait(40)
    assert done == [1, 1]  # of its own request nothing is on record yet
    with pytest.raises(RuntimeError, match="stopped"):
        Tracker(emitter).track_page_view(URL)
    eventually(lambda: waiting(tmp_path) == 0)


@pytest.mark.parametrize("timeout", [None, "5", float("nan"), True])
def test_a_time_that_is_none_is_named(timeout: Any, tmp_path: Path) -> None:
    """Of `flush`, `drain` and `stop`; and for ever may be said."""
    with Emitter(collector="c.example", queue=tmp_path, send=False, blocking=False) as emitter:
        for wait in (emitter.flush, emitter.drain):
            with pytest.raises(InvalidValueError, match=r"^timeout: "):
                wait(timeout)
        if timeout is not None:
            with pytest.raises(InvalidValueError, match=r"^timeout: "):
                emitter.stop(timeout)
        assert emitter.flush(float("inf")) == 0
        assert emitter.stop(float("inf")) == 0


def test_the_books_add_up(server: DevCollector, tmp_path: Path) -> None:
    """What the library added is counted as received."""
    with Emitter(collector=server.url, queue=tmp_path) as emitter:
        for _ in range(3):
            Tracker(emitter).track_page_view(URL)
        assert emitter.flush(30) == 0
    store = Store.open(tmp_path)
    assert store.counters()["received", "tracker"] == 3
    assert store.counters()["delivered", "tracker"] == 3
    store.close()
