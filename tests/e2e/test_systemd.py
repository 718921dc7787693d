"""The systemd unit: valid, hardened, and not so much that the program can't work under it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.arrivals import collector, numbered
from tests.program import eventually, running
from tests.status.site import Site

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None, reason="systemd-analyze (Debian: systemd)"
    ),
]
_DEPLOY = Path(__file__).parents[2] / "deploy" / "systemd"
_NAME = "snowplow-logfile-source.service"
# Least is best: 0 to 10, where systemd calls up to 2 "safe" and a common service has above 9.
_EXPOSURE = 20


def _unit(directory: Path, *, reads_all: bool) -> Path:
    """A copy of the unit that names this program, which is where verify looks for it."""
    text = (_DEPLOY / _NAME).read_text(encoding="utf-8")
    program = Path(sys.executable).with_name("shipper")
    unit = directory / _NAME
    unit.write_text(text.replace("/opt/snowplow-logfile-source/bin/shipper", str(program)))
    assert str(program) in unit.read_text()
    if reads_all:
        (directory / f"{_NAME}.d").mkdir()
        shutil.copy(_DEPLOY / "read-all-logs.conf", directory / f"{_NAME}.d")
    return unit


@pytest.mark.parametrize("reads_all", [False, True])
def test_the_unit_is_valid_and_hardened(tmp_path: Path, reads_all: bool) -> None:
    """systemd has nothing to say about it, and finds little that an attacker could use."""
    unit = _unit(tmp_path, reads_all=reads_all)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", f"--threshold={_EXPOSURE}"]
    done = subprocess.run([*security, unit], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    granted = [line for line in done.stdout.splitlines() if "CAP_" in line and "✗" in line]
    assert len(granted) == (1 if reads_all else 0)
    assert all("DAC" in line for line in granted)


def test_the_page_names_settings_that_the_unit_has() -> None:
    """Whoever looks for a setting of the page finds it; so is the state where the page has it."""
    page = (_DEPLOY.parents[1] / "docs" / "how-to-systemd.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)=\w*`", page))
    assert {"StateDirectory", "WatchdogSec"} <= named
    assert {name for name in named if not _settings(name)} == set()
    (directory,) = _settings("StateDirectory")
    assert f"\nstate: /var/lib/{directory}\n" in page
    assert _settings("ExecStart") == [
        "/opt/snowplow-logfile-source/bin/shipper run -c /etc/snowplow-logfile-source/shipper.yaml"
    ]


def _settings(name: str) -> list[str]:
    text = (_DEPLOY / _NAME).read_text(encoding="utf-8")
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def _allowed() -> set[str]:
    """The system calls that the unit's filter lets through."""
    allow, deny = _settings("SystemCallFilter")
    assert deny.startswith("~")
    return _members(allow) - _members(deny[1:])


def _members(groups: str) -> set[str]:
    found: set[str] = set()
    for group in groups.split():
        listed = ["systemd-analyze", "syscall-filter", "--no-pager", group]
        done = subprocess.run(listed, capture_output=True, text=True, check=True)
        names = set(re.findall(r"^    ([@\w-]+)", done.stdout, re.M))
        found |= {name for name in names if not name.startswith("@")}
        found |= _members(" ".join(name for name in names if name.startswith("@")))
    return found


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace (Debian: strace)")
def test_the_program_works_under_the_filters(tmp_path: Path) -> None:
    """Shipping, serving and stopping need no system call and no socket that the unit forbids.

    Nor memory that is both written and executed.
    """
    trace = tmp_path / "trace"
    families = set(_settings("RestrictAddressFamilies")[0].split())
    with collector() as to:
        site = Site(tmp_path, to)
        site.configure(more="workers: 1\nreceiver: {listen: '127.0.0.1:0'}\n")
        site.log.write_bytes(b"".join(map(numbered, range(10))))
        under = ["strace", "-D", "-f", "-qq", "-s", "0", "-e", "signal=none", "-o", str(trace)]
        with running("run", "-c", site.config, under=under) as program:
            eventually(lambda: to.counts().good == 10, 60)
            assert program.stop() == 0
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    calls = [match for line in lines if (match := re.match(r"\d+ +(\w+)\((.*)", line))]
    # SQLite calls fchown where it runs as root, which it does not under the unit.
    assert {call[1] for call in calls} - _allowed() <= {"fchown"}
    assert {call[2].split(",")[0] for call in calls if call[1] == "socket"} <= families
    maps = [call[2] for call in calls if call[1] in ("mmap", "mprotect", "pkey_mprotect")]
    assert [m for m in maps if "PROT_WRITE" in m and "PROT_EXEC" in m] == []
    assert [c[0] for c in calls if "mprotect" in c[1] and "PROT_EXEC" in c[2]] == []
