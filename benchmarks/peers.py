"""Other shippers and trackers, from the package registries, into the cache: never into the system.

Debian's packages are unpacked side by side, for as installed packages they exclude each other. A
peer that can't be had is named with the reason and left out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cache import kept
from benchmarks.whole_path import Contender


class MissingPeerError(RuntimeError):
    """A peer that can't be measured here, and why."""


def syslog_ng() -> Contender:
    """Return syslog-ng with its reliable disk buffer. Raises MissingPeerError."""
    root = _unpacked("syslog-ng", ["syslog-ng-core", "syslog-ng-mod-http"])
    program, modules = root / "usr/sbin/syslog-ng", _found(root, "usr/lib/syslog-ng/[0-9]*")
    template = _filled(_SYSLOG_NG, VERSION=modules.name, PATTERN=_PATTERN)

    def prepare(log: Path, port: int, fresh: Path) -> Sequence[str | Path]:
        config, buffer = fresh / "syslog-ng.conf", fresh / "buffer"
        buffer.mkdir()
        config.write_text(_filled(template, LOG=log, PORT=port, BUFFER=buffer))
        own = [f"--persist-file={fresh}/persist", f"--control={fresh}/control"]
        own += [f"--pidfile={fresh}/pid", f"--module-path={modules}", f"--cfgfile={config}"]
        return [program, "--foreground", "--no-caps", *own]

    return Contender(
        name=f"syslog-ng {_version('syslog-ng', 'syslog-ng-core')}, reliable disk buffer",
        prepare=prepare,
        ends=False,
        environment=_libraries(root),
    )


def rsyslog() -> Contender:
    """Return rsyslog with a disk queue. Raises MissingPeerError."""
    root = _unpacked("rsyslog", ["rsyslog", "rsyslog-elasticsearch"])
    program, modules = root / "usr/sbin/rsyslogd", _found(root, "usr/lib/*/rsyslog")

    def prepare(log: Path, port: int, fresh: Path) -> Sequence[str | Path]:
        config, rules = fresh / "rsyslog.conf", fresh / "access.rulebase"
        rules.write_text(_RULES)
        config.write_text(_filled(_RSYSLOG, LOG=log, PORT=port, STATE=fresh, RULES=rules))
        return [program, "-n", "-C", "-i", fresh / "pid", "-f", config, "-M", modules]

    return Contender(
        name=f"rsyslog {_version('rsyslog', 'rsyslog')}, disk queue",
        prepare=prepare,
        ends=False,
        environment=_libraries(root),
    )


def snowplow_tracker() -> Path:
    """Return the Python of an environment that has snowplow-tracker. Raises MissingPeerError."""
    folder = kept("peers", "snowplow-tracker")
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        venv.create(folder, clear=True, with_pip=True)
        _told([python, "-m", "pip", "install", "-q", "snowplow-tracker"], folder)
        ready.touch()
    return python


SHIPPERS: tuple[Callable[[], Contender], ...] = (syslog_ng, rsyslog)


# Debian


def _unpacked(name: str, packages: Sequence[str]) -> Path:
    """Return the directory with *packages*, and what they need that is not installed here."""
    folder = kept("peers", name)
    root, ready = folder / "root", folder / "ready"
    if ready.exists():
        return root
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise MissingPeerError(f"{name}: it comes from Debian's packages, and there is no apt-get")
    shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True)
    options = _lists(packages, folder)
    _told(["apt-get", *options, "download", *_needed(packages, options, folder)], folder)
    for package in folder.glob("*.deb"):
        _told(["dpkg", "-x", package, root], folder)
    ready.touch()
    return root


def _lists(packages: Sequence[str], folder: Path) -> list[str]:
    """Return apt's options: none if it knows *packages*, else lists of our own, made here."""
    known = subprocess.run(["apt-cache", "show", *packages], capture_output=True, check=False)
    if known.returncode == 0:
        return []
    for name in ("lists", "archives"):
        (folder / name / "partial").mkdir(parents=True)
    options = ["-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}"]
    _told(["apt-get", *options, "update"], folder)
    return options


def _needed(packages: Sequence[str], options: list[str], folder: Path) -> list[str]:
    plan = ["install", "--simulate", "--reinstall", "--no-install-recommends"]
    said = _told(["apt-get", *options, *plan, *packages], folder)
    return re.findall(r"^Inst (\S+)", said, flags=re.MULTILINE)


def _told(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no words").splitlines()[-1]
        raise MissingPeerError(f"{folder.name}: {Path(command[0]).name} failed: {last}")
    return done.stdout


def _found(root: Path, pattern: str) -> Path:
    found = [path for path in root.glob(pattern) if path.is_dir()]
    if not found:
        raise MissingPeerError(f"{root.parent.name}: the package has no {pattern}")
    return found[0]


def _version(name: str, package: str) -> str:
    files = list(kept("peers", name).glob(f"{package}_*.deb"))
    return files[0].name.split("_")[1].partition("-")[0] if files else ""


def _libraries(root: Path) -> dict[str, str]:
    places = {str(path.parent) for path in root.rglob("*.so*")}
    return {"LD_LIBRARY_PATH": ":".join(sorted(places))}


def _filled(template: str, **values: object) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", str(value))
    return template


# Their configurations: what our grammar does, by a regular expression and by liblognorm, and JSON.

_PATTERN = (
    r'^(?<client_ip>\S+) (?<ident>\S+) (?<user>\S+) \[(?<time>[^\]]+)\] "(?<method>\S+) '
    r'(?<path>\S+) HTTP/(?<protocol>[^"]*)" (?<status>\d+) (?<bytes>\S+) "(?<referrer>[^"]*)" '
    r'"(?<user_agent>[^"]*)"'
)
_SYSLOG_NG = r"""@version: @VERSION@
options { keep-hostname(yes); use-dns(no); log-msg-size(65536); stats-freq(0); time-reopen(1); };
source files {
  file("@LOG@" flags(no-parse) follow-freq(0.1) log-fetch-limit(1000) log-iw-size(100000));
};
parser access {
  regexp-parser(prefix("a.") patterns('@PATTERN@'));
};
destination collector {
  http(
    url("http://127.0.0.1:@PORT@/com.snowplowanalytics.snowplow/tp2") method("POST")
    headers("Content-Type: application/json")
    body("$(format-json --rekey a.* --shift-levels 1 --key a.*)")
    body-prefix("[") delimiter(",") body-suffix("]")
    batch-lines(5000) batch-bytes(2Mb) batch-timeout(200) workers(1) timeout(30)
    disk-buffer(reliable(yes) disk-buf-size(2147483648) mem-buf-size(33554432) dir("@BUFFER@"))
  );
};
log { source(files); parser(access); destination(collector); flags(flow-control); };
"""
_RULES = (
    "version=2\n"
    "rule=:%client_ip:word% %ident:word% %user:word% [%time:char-to:]%] "
    '"%method:word% %path:word% HTTP/%protocol:char-to:"%" %status:word% %bytes:word% '
    '"%referrer:char-sep:"%" "%user_agent:char-sep:"%"\n'
)
_RSYSLOG = r"""global(workDirectory="@STATE@" maxMessageSize="64k")
module(load="imfile")
module(load="mmnormalize")
module(load="omelasticsearch")
main_queue(queue.type="Direct")
template(name="event" type="subtree" subtree="$!")
ruleset(name="ship") {
  action(type="mmnormalize" rulebase="@RULES@" useRawMsg="off")
  action(
    type="omelasticsearch" server="127.0.0.1" serverport="@PORT@" template="event"
    bulkmode="on" maxbytes="2m" healthchecktimeout="10000" action.resumeRetryCount="-1"
    queue.type="Disk" queue.filename="waiting" queue.maxDiskSpace="2g"
    queue.checkpointInterval="1000" queue.dequeueBatchSize="5000"
    queue.minDequeueBatchSize="1000" queue.minDequeueBatchSize.timeout="200"
  )
}
input(type="imfile" file="@LOG@" tag="access" ruleset="ship" persistStateInterval="1000")
"""


def python_version() -> str:
    """Return the interpreter's name and version."""
    return f"{sys.implementation.name} {sys.version.split()[0]}"
