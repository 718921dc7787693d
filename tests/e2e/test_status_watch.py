"""`shipper status --watch` on a terminal of its own, beside a shipper that works."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.arrivals import collector, numbered
from tests.program import COMMAND, eventually, shipper
from tests.status.site import Site
from tests.terminal import terminal

pytestmark = pytest.mark.e2e

_ENTERS, _LEAVES = "\x1b[?1049h", "\x1b[?1049l"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_the_work_and_the_size(tmp_path: Path, number: signal.Signals) -> None:
    """What is shipped meanwhile shows; a larger terminal shows more; a signal ends it well."""
    with collector() as to:
        site = Site(tmp_path, to)
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        command = (*COMMAND, "status", "-c", site.config, "--watch", "--interval", "0.2")
        with site.run():
            eventually(lambda: to.counts().good == 10)
            with terminal(*command, COLUMNS="", LINES="") as person:
                person.resize(80, 24)
                person.expect(_ENTERS)
                person.expect("running, pid ")
                person.expect(" 10 delivered so far")
                with site.log.open("ab") as log:
                    log.write(b"".join(map(numbered, range(10, 21))))
                person.expect(" 21 delivered so far")
                assert "requests" in person.expect("running, pid ")
                person.resize(30, 6)
                while "requests" in person.expect("running, pid "):
                    pass  # a screen that was drawn before; the time of the test is bounded
                person.process.send_signal(number)
                assert person.end() == 0
                assert _LEAVES in person.text


def test_without_a_terminal_it_is_one_look(tmp_path: Path) -> None:
    """In a pipe it prints once, says so on standard error, and ends well."""
    with collector() as to:
        site = Site(tmp_path, to)
        with site.run():
            done = shipper("status", "-c", site.config, "--watch")
    assert done.returncode == 0
    assert done.stdout.startswith("shipper:   running, pid ")
    assert done.stderr == ("standard output is no terminal: this is one look, as without --watch\n")


def test_one_way_to_show_it(tmp_path: Path) -> None:
    """JSON is for programs, and --watch for people: together they are a mistake."""
    done = shipper("status", "-c", tmp_path / "x.yaml", "--watch", "--json")
    assert done.returncode == 64
    assert "exclude each other" in done.stderr
