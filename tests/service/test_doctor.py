"""What stands in the way on this machine, on hosts made up and on the real one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shipper.config.models import Config
from shipper.service.doctor import Finding, examine
from shipper.service.host import Host
from shipper.service.mounts import Mount

ROOT = Path(__file__).parents[2]
NOW = 1_795_000_000.0
DISK = Mount("/", "/", "ext4")


def configured(directory: Path, paths: Any = None, **keys: Any) -> Config:
    source = {"name": "web", "paths": paths or str(directory / "logs" / "*.log"), "grammar": "g"}
    (directory / "logs").mkdir(exist_ok=True)
    return Config.model_validate(
        {
            "state": str(directory / "state"),
            "collector": {"url": "https://collector.example.com"},
            "sources": [source | keys],
            "tail": {"sweep": "2s"},
        }
    )


def host(*mounts: Mount, **facts: Any) -> Host:
    return Host(mounts=(DISK, *mounts), wall=NOW, **facts)


def only(config: Config, machine: Host) -> Finding:
    (finding,) = examine(config, machine)
    assert finding.remedy
    return finding


def test_a_healthy_machine_has_no_findings(tmp_path: Path) -> None:
    """On a local disk, with limits that suffice, nothing is said."""
    (tmp_path / "state").mkdir()
    machine = host(max_watches=8_192, max_instances=128, open_files=1_024)
    assert list(examine(configured(tmp_path), machine)) == []


def test_nothing_known_is_no_finding(tmp_path: Path) -> None:
    """What could not be found out is not complained of."""
    assert list(examine(configured(tmp_path), Host(wall=NOW))) == []


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "virtiofs", "fuse.grpcfuse", "fuse.sshfs"])
def test_logs_on_a_mount_without_notices(tmp_path: Path, kind: str) -> None:
    """A directory that is written from elsewhere is named, with how often it is swept."""
    finding = only(configured(tmp_path), host(Mount(str(tmp_path / "logs"), "/", kind)))
    assert finding.level == "warning"
    assert f"{tmp_path}/logs is a {kind} mount" in finding.what
    assert "swept every 2 s instead" in finding.what


def test_a_mount_below_a_recursive_pattern(tmp_path: Path) -> None:
    """A network mount deeper in a tree is named if the pattern goes there, and else is not."""
    machine = host(Mount(f"{tmp_path}/logs/far", "/", "nfs"))
    assert "/logs/far is a nfs" in only(configured(tmp_path, f"{tmp_path}/logs/**"), machine).what
    assert list(examine(configured(tmp_path), machine)) == []


def test_logs_behind_a_link(tmp_path: Path) -> None:
    """A link to a network mount is followed."""
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    machine = host(Mount(f"{tmp_path}/far", "/", "nfs"))
    config = configured(tmp_path, f"{tmp_path}/near/*.log")
    assert f"{tmp_path}/far is a nfs mount" in only(config, machine).what


def test_one_mount_is_named_once(tmp_path: Path) -> None:
    """Many patterns in one mount make one finding."""
    paths = [f"{tmp_path}/logs/{name}*.log" for name in "abc"]
    machine = host(Mount(f"{tmp_path}/logs", "/", "nfs"))
    assert len(list(examine(configured(tmp_path, paths), machine))) == 1


def test_a_mounted_file(tmp_path: Path) -> None:
    """A log that is mounted as a single file is named; its directory is the remedy."""
    config = configured(tmp_path)
    path = tmp_path / "logs" / "a.log"
    machine = host(Mount(str(path), "/var/log/shop/a.log", "ext4"))
    assert list(examine(config, machine)) == []  # nothing stands there
    path.write_bytes(b"x\n")
    finding = only(config, machine)
    assert f"{path} is mounted as a single file" in finding.what
    assert finding.remedy == f"mount the directory {path.parent} instead"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs"])
def test_state_on_a_network_file_system(tmp_path: Path, kind: str) -> None:
    """The state on a network file system is an error, also before the directory is made."""
    finding = only(configured(tmp_path), host(Mount(f"{tmp_path}/state", "/", kind)))
    assert finding.level == "state"
    assert f"is on a {kind} mount" in finding.what
    assert "local disk" in finding.remedy


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("tmpfs", "in memory (tmpfs)"),
        ("overlay", "lost with the container"),
        ("9p", "locks may not hold"),
    ],
)
def test_state_that_does_not_last(tmp_path: Path, kind: str, what: str) -> None:
    """State in memory, in a container's layer or in a shared directory is a warning."""
    finding = only(configured(tmp_path), host(Mount(f"{tmp_path}/state", "/", kind)))
    assert finding.level == "warning"
    assert what in finding.what


def test_state_inside_a_glob(tmp_path: Path) -> None:
    """A pattern that takes the state file is named; the remedy it gives is one."""
    config = configured(tmp_path, f"{tmp_path}/**")
    finding = only(config, host())
    assert f"takes shipper's own state: {tmp_path}/state/state.db" in finding.what
    exclude = finding.remedy.split("'")[1]
    assert list(examine(configured(tmp_path, f"{tmp_path}/**", exclude=exclude), host())) == []


def test_the_own_log_inside_a_glob(tmp_path: Path) -> None:
    """A pattern that takes what the program prints is named."""
    machine = host(outputs=(f"{tmp_path}/logs/shipper.log",))
    finding = only(configured(tmp_path), machine)
    assert "takes what this program itself prints" in finding.what
    exclude = finding.remedy.split("'")[1]
    assert list(examine(configured(tmp_path, exclude=exclude), machine)) == []


def test_the_own_container_inside_a_glob(tmp_path: Path) -> None:
    """In a container, a pattern that takes the container's own log is named."""
    folder = tmp_path / "logs" / f"shop_shipper_{'ab' * 4}" / "shipper"
    config = configured(tmp_path, f"{tmp_path}/logs/*/*/*.log")
    folder.mkdir(parents=True)
    (folder / "0.log").write_bytes(b"x\n")
    assert "runs in" in only(config, host(own_ids=frozenset({"ab" * 4}))).what
    assert list(examine(config, host(own_ids=frozenset({"cd" * 4})))) == []


def test_too_few_watches(tmp_path: Path) -> None:
    """More directories than watches are told with a limit that suffices; just enough is fine."""
    for number in range(9):
        (tmp_path / "logs" / f"d{number}").mkdir(parents=True)
    config = configured(tmp_path, f"{tmp_path}/logs/**/*.log")
    assert list(examine(config, host(max_watches=10))) == []
    finding = only(config, host(max_watches=9))
    assert "than max_user_watches (9): what goes unwatched is swept" in finding.what
    assert int(finding.remedy.rpartition("=")[2]) > 10


def test_too_few_instances(tmp_path: Path) -> None:
    """More directories of patterns than instances are told."""
    config = configured(tmp_path, [f"{tmp_path}/{name}/*.log" for name in "abc"])
    assert list(examine(config, host(max_instances=3))) == []
    assert "max_user_instances is 2" in only(config, host(max_instances=2)).what


def test_no_inotify_at_all(tmp_path: Path) -> None:
    """A kernel that gives no instance is told with its own reason."""
    machine = host(no_inotify="Too many open files", max_instances=128)
    finding = only(configured(tmp_path), machine)
    assert "(Too many open files): what goes unwatched is swept every 2 s" in finding.what
    assert "max_user_instances=512" in finding.remedy


def test_too_few_descriptors(tmp_path: Path) -> None:
    """More files than may be open are told, with what happens then."""
    config = configured(tmp_path)
    for number in range(3):
        (tmp_path / "logs" / f"{number}.log").write_bytes(b"")
    assert list(examine(config, host(open_files=3))) == []
    finding = only(config, host(open_files=2))
    assert "3 files match and this process may open 2" in finding.what


def test_a_clock_that_was_never_set(tmp_path: Path) -> None:
    """A clock in the past is told."""
    assert "before 2020" in only(configured(tmp_path), Host(wall=1_000.0)).what


@pytest.mark.parametrize("server", ["receiver", "status"])
def test_a_door_that_others_reach(tmp_path: Path, server: str) -> None:
    """A server on another address than loopback is told, with what whoever reaches it can do."""

    def listening(listen: str) -> Config:
        whole = configured(tmp_path).model_dump(by_alias=True)
        collector = {"url": "https://collector.example.com"}
        return Config.model_validate({**whole, "collector": collector, server: {"listen": listen}})

    for listen in ("127.0.0.1:80", "[::1]:80", "localhost:80"):
        assert list(examine(listening(listen), host())) == []
    finding = only(listening("0.0.0.0:80"), host())
    assert (finding.level, finding.remedy[:19]) == ("warning", "listen on 127.0.0.1")
    assert f"{server}.listen is 0.0.0.0:80: whoever reaches that can" in finding.what


def test_many_files_take_no_time(tmp_path: Path) -> None:
    """2,000 files in 200 directories are looked at in less than a second of processor time."""
    for number in range(200):
        folder = tmp_path / "logs" / f"d{number}"
        folder.mkdir(parents=True)
        for name in range(10):
            (folder / f"{name}.log").touch()
    config = configured(tmp_path, f"{tmp_path}/logs/**/*.log")
    start = time.process_time()
    list(examine(config, Host.here()))
    assert time.process_time() - start < 1.0


def test_this_machine() -> None:
    """The real machine has mounts, a clock and, on Linux, limits."""
    machine = Host.here()
    assert "/" in [mount.point for mount in machine.mounts]
    assert machine.wall > NOW - 365 * 86_400
    if Path("/proc/sys/fs/inotify").is_dir():
        assert machine.max_watches
        assert machine.max_instances


_ELSEWHERE = """
import sys
from shipper.config.models import Config
from shipper.service.doctor import examine
config = Config.model_validate({
    "state": sys.argv[1] + "/state",
    "collector": {"url": "https://collector.example.com"},
    "sources": [{"name": "web", "paths": sys.argv[1] + "/logs/*.log", "grammar": "g"}],
})
for finding in examine(config):
    print(finding.level, finding.what)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[str], str]:
    """Examine in a mount namespace of its own, after some shell commands in it."""
    unshare = ["unshare", "-m", "sh", "-e", "-c"]
    probe = [*unshare, f"mount -t tmpfs none '{tmp_path}'"]
    try:
        subprocess.run(probe, check=True, capture_output=True, timeout=10)  # our own words
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs more rights")

    def run(commands: str) -> str:
        script = f'{commands}\nexec "$0" -c "$1" "$2" 2>&1'
        command = [*unshare, script, sys.executable, _ELSEWHERE, str(tmp_path)]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        result = subprocess.run(  # our own words
            command, check=True, capture_output=True, text=True, timeout=30, env=environ
        )
        return result.stdout

    return run


def test_a_real_tmpfs(tmp_path: Path, elsewhere: Callable[[str], str]) -> None:
    """State on a real tmpfs is found out."""
    (tmp_path / "state").mkdir()
    said = elsewhere(f"mount -t tmpfs none '{tmp_path}/state'")
    assert f"warning state {tmp_path}/state is in memory (tmpfs)" in said


def test_a_real_mount_of_a_file(tmp_path: Path, elsewhere: Callable[[str], str]) -> None:
    """A log that is really bound as a single file is found out."""
    log = tmp_path / "logs" / "a b.log"
    log.parent.mkdir()
    log.touch()
    (tmp_path / "real.log").touch()
    said = elsewhere(f"mount --bind '{tmp_path}/real.log' '{log}'")
    assert f"{log} is mounted as a single file" in said


def test_a_real_redirection(tmp_path: Path, elsewhere: Callable[[str], str]) -> None:
    """Output that really goes into a file of the source is found out."""
    (tmp_path / "logs").mkdir()
    elsewhere(f"exec > '{tmp_path}/logs/own.log'")
    said = (tmp_path / "logs" / "own.log").read_text(encoding="utf-8")
    assert f"takes what this program itself prints: {tmp_path}/logs/own.log" in said
