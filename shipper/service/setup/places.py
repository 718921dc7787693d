"""Where log files are: in the well-known places of a machine, or where a person says.

Rule 1: nothing is opened here; files are listed, and what can't be looked at is told.
Rule 2: a file belongs to one candidate, the first that names it, whatever links lead to it.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from shipper.errors import DataError
from shipper.formats.records import Container
from shipper.formats.rotation import bears_archive_name, canonical_path
from shipper.tail.glob import Found, Glob

MOST_FILES: Final = 1_000


class Place(NamedTuple):
    """A well-known place: the name of its source, globs, and what wraps its lines."""

    name: str
    globs: tuple[str, ...]
    container: Container = "none"


# Pods stand before Docker's files: where Docker runs them, the former are links to the latter.
PLACES: Final = (
    Place("kubernetes", ("/var/log/pods/*/*/*.log*",), "auto"),
    Place("docker", ("/var/lib/docker/containers/*/*-json.log*",), "docker"),
    Place("nginx_access", ("/var/log/nginx/*access*.log*",)),
    Place("nginx_error", ("/var/log/nginx/*error*.log*",)),
    Place("apache_access", ("/var/log/apache2/*access*.log*", "/var/log/httpd/*access_log*")),
    Place("apache_error", ("/var/log/apache2/*error*.log*", "/var/log/httpd/*error_log*")),
    Place(
        "postgresql",
        (
            "/var/log/postgresql/*.log*",
            "/var/lib/pgsql/data/log/*.log*",
            "/var/lib/pgsql/*/data/log/*.log*",
        ),
    ),
    Place("mysql", ("/var/log/mysql/*.log*", "/var/log/mariadb/*.log*")),
    Place("redis", ("/var/log/redis/*.log*",)),
    Place("haproxy", ("/var/log/haproxy.log*",)),
    Place("mail", ("/var/log/mail.log*", "/var/log/maillog*")),
    Place("logins", ("/var/log/auth.log*", "/var/log/secure*")),
    Place("kernel", ("/var/log/kern.log*",)),
    Place("syslog", ("/var/log/syslog*", "/var/log/messages*", "/var/log/daemon.log*")),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Files that one source could read: its name, globs, and the files there, newest first."""

    name: str
    globs: tuple[str, ...]
    files: tuple[str, ...]
    container: Container = "none"


class Places:
    """Gathers candidates; `blind` holds the error of what could not be looked at, by path."""

    def __init__(self) -> None:
        self.blind: dict[str, OSError] = {}
        self._taken: set[tuple[int, int]] = set()
        self._names: set[str] = set()

    def known(self, root: str = "/") -> Iterator[Candidate]:
        """Yield what stands in the well-known places of the file system at *root*."""
        for place in PLACES:
            base = glob.escape(_absolute(root).rstrip("/"))
            globs = tuple(base + each for each in place.globs)
            there = [(each, self._files(each)) for each in globs]
            there = [(each, files) for each, files in there if files]
            if there:
                files = _newest(pair for _, found in there for pair in found)
                globs = tuple(each for each, _ in there)
                yield Candidate(self._name(place.name), globs, files, place.container)

    def named(self, paths: Sequence[str]) -> Iterator[Candidate]:
        """Yield what *paths* name: files, directories, globs.

        Each log of a directory is a candidate with its rotated files. Raises DataError for a path
        that names nothing.
        """
        for path in paths:
            absolute = _absolute(path)
            if Path(absolute).is_dir():
                yield from self._below(absolute)
                continue
            pattern = glob.escape(absolute) if os.path.lexists(absolute) else absolute
            blind = len(self.blind)
            files = self._files(pattern)
            if files:
                yield self._candidate(pattern, files)
            elif len(self.blind) == blind:
                raise DataError(f"{path} names no file", "check the path")

    def _below(self, folder: str) -> Iterator[Candidate]:
        logs: dict[str, list[tuple[float, str]]] = {}
        for pair in self._files(f"{glob.escape(folder)}/**"):
            logs.setdefault(canonical_path(pair[1]), []).append(pair)
        for log in sorted(logs):
            yield self._candidate(f"{glob.escape(log)}*", logs[log])

    def _candidate(self, pattern: str, files: Sequence[tuple[float, str]]) -> Candidate:
        newest = _newest(files)
        stem = Path(canonical_path(newest[0])).name
        container: Container = "auto" if stem.endswith("-json.log") else "none"
        return Candidate(self._name(stem.removesuffix(".log")), (pattern,), newest, container)

    def _files(self, pattern: str) -> list[tuple[float, str]]:
        """Return time and path of the files that *pattern* names and nobody has taken."""
        found = Found()
        Glob(pattern).find(found)
        self.blind |= found.blind
        files = []
        for path, status in found.files.items():
            identity = (status.st_dev, status.st_ino)
            if status.st_size and identity not in self._taken:
                self._taken.add(identity)
                files.append((status.st_mtime, path))
        if len(files) > MOST_FILES and pattern.endswith("/**"):
            raise DataError(
                f"{len(files):,} files are below {pattern.removesuffix('/**')}",
                "name a directory of logs, or a glob for each kind of them",
            )
        return files

    def _name(self, wanted: str) -> str:
        """Return *wanted* as a source can be named, and as none is yet."""
        name = bare = re.sub(r"[^A-Za-z0-9_.-]+", "_", wanted)[:48].strip("._-") or "logs"
        number = 2
        while name in self._names:
            name, number = f"{bare}_{number}", number + 1
        self._names.add(name)
        return name


def _absolute(path: str) -> str:
    return os.path.normpath(Path(path).absolute())


def _newest(files: Iterable[tuple[float, str]]) -> tuple[str, ...]:
    """Return the paths, plain ones before archives, and of each kind the newest first."""
    ranked = sorted(files, key=lambda pair: (bears_archive_name(pair[1]), -pair[0], pair[1]))
    return tuple(path for _, path in ranked)
