"""The doctor: what of this machine makes reading slower or less safe than it looks, and what to do.

Rule 1: nothing is changed. Each finding says what shipper does by itself, and the remedy.
Rule 2: what can't be found out is no finding: none of this is needed to run.
Rule 3: walks are bounded, so that looking takes no longer than a sweep of the same files.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shipper.config.models import Config, SourceConfig
from shipper.service.host import Host
from shipper.service.mounts import Mount, below, mount_of
from shipper.store.store import DATABASE
from shipper.tail.glob import Exclude, Found, Glob

# 2020-01-01: a clock before that was never set, as on a board without a battery.
_EPOCH_OF_DOUBT = 1_577_836_800
_MOST_ENTRIES = 50_000
_STATE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "lock", "status-token")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level` is ``ok``, ``warning``, ``config``, ``state`` or
    ``collector``: the kind of failure decides the exit code.
    """

    level: str
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the patterns of a source name at this moment, by one walk."""

    source: SourceConfig
    globs: tuple[Glob, ...]
    exclude: Exclude
    files: Sequence[str]
    fifos: Sequence[str] = ()
    blind: Mapping[str, OSError] = field(default_factory=dict)

    def takes(self, path: str) -> bool:
        """Tell whether the source would read *path*, without looking whether it is there."""
        return any(g.matches(path) for g in self.globs) and not self.exclude.matches(path)


def survey(source: SourceConfig) -> Survey:
    """Look for the files of *source*."""
    globs = tuple(Glob(pattern) for pattern in source.globs)
    exclude = Exclude(source.exclude)
    found = Found()
    for glob in globs:
        glob.find(found)
    files = [path for path in found.files if not exclude.matches(path)]
    fifos = [path for path in found.fifos if not exclude.matches(path)]
    return Survey(source, globs, exclude, files, fifos, found.blind)


def examine(
    config: Config, host: Host | None = None, surveys: Sequence[Survey] | None = None
) -> Iterator[Finding]:
    """Yield what of the machine stands in the way of *config*; nothing if all is well.

    *host* and *surveys* are this machine and what is found on it, unless given. A finding of the
    level ``state`` says that the state directory is in a place where it must not be.
    """
    host = host or Host.here()
    surveys = surveys if surveys is not None else [survey(source) for source in config.sources]
    yield from _silent(config, host, surveys)
    yield from _mounted_files(host, surveys)
    yield from _inotify(config, host, surveys)
    yield from _state_place(config.state, host)
    yield from _own_files(config, host, surveys)
    yield from _limits(host, surveys)
    yield from _open_doors(config)


def _silent(config: Config, host: Host, surveys: Iterable[Survey]) -> Iterator[Finding]:
    """Directories whose files may be written where this kernel does not see it."""
    told: set[Mount] = set()
    for each in surveys:
        for mount in _mounts_of(each.globs, host):
            if mount not in told and (mount.network or mount.shared):
                told.add(mount)
                what = (
                    f"source {each.source.name}: {mount.point} is a {mount.kind} mount, which sends"
                    " no notice of what is written on the other side; it is swept every"
                    f" {config.tail.sweep:g} s instead"
                )
                remedy = "run shipper where the files are written, or change tail.sweep"
                yield Finding("warning", what, remedy)


def _mounts_of(globs: Iterable[Glob], host: Host) -> Iterator[Mount]:
    for glob in globs:
        root = os.path.realpath(glob.root)
        if mount := mount_of(root, host.mounts):
            yield mount
        if glob.recursive:
            yield from below(root, host.mounts)


def _mounted_files(host: Host, surveys: Iterable[Survey]) -> Iterator[Finding]:
    """Single files that are mounts: they stay the same file when the log is rotated."""
    points = dict.fromkeys(mount.point for mount in host.mounts)
    for each in surveys:
        for path in (p for p in points if each.takes(p) and os.path.isfile(p)):  # noqa: PTH113  # never raises
            what = (
                f"source {each.source.name}: {path} is mounted as a single file: after a rotation"
                " by rename it still shows the old file, and the new one is never seen"
            )
            yield Finding("warning", what, f"mount the directory {Path(path).parent} instead")


def _inotify(config: Config, host: Host, surveys: Sequence[Survey]) -> Iterator[Finding]:
    """The kernel's limits on watches, against what the patterns need."""
    instead = f"what goes unwatched is swept every {config.tail.sweep:g} s"
    if host.no_inotify:
        more = _more(host.max_instances)
        remedy = f"if they ran out, {_raise('instances')}={more}"
        what = f"the kernel gives no inotify instance ({host.no_inotify}): {instead}"
        yield Finding("warning", what, remedy)
        return
    roots: dict[str, bool] = {}
    for glob in (glob for each in surveys for glob in each.globs):
        roots[glob.root] = roots.get(glob.root, False) or glob.recursive
    if host.max_instances is not None and len(roots) > host.max_instances:
        what = (
            f"{len(roots)} directories of patterns may need an inotify instance each, and"
            f" max_user_instances is {host.max_instances}: {instead}"
        )
        remedy = f"{_raise('instances')}={_more(len(roots))}"
        yield Finding("warning", what, remedy)
    if host.max_watches is None:
        return
    needed = _directories((r for r, deep in roots.items() if deep), host.max_watches)
    if needed > host.max_watches:
        what = (
            f"there are more directories below the patterns than max_user_watches"
            f" ({host.max_watches}): {instead}"
        )
        remedy = f"{_raise('watches')}={_more(needed)}"
        yield Finding("warning", what, remedy)


def _raise(what: str) -> str:
    own = f"user.max_inotify_{what}"  # what a user namespace has besides, as of a container
    return f"raise the limit (in a user namespace also {own}): sysctl fs.inotify.max_user_{what}"


def _more(least: int | None) -> int:
    """Return a limit well over *least*, a power of two."""
    return 1 << max(9, (2 * (least or 0)).bit_length())


def _directories(roots: Iterable[str], enough: int) -> int:
    """Count the directories below *roots*, no further than one over *enough*, and bounded."""
    waiting, count, entries = list(roots), 0, 0
    while waiting and count <= enough and entries < _MOST_ENTRIES:
        count += 1
        listed = _entries(waiting.pop())
        entries += len(listed)
        waiting += [entry.path for entry in listed if entry.is_dir(follow_symlinks=False)]
    return count + len(waiting)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listed:
            return list(itertools.islice(listed, _MOST_ENTRIES))
    except OSError:  # what can't be listed can't be watched either
        return []


def _state_place(state: Path, host: Host) -> Iterator[Finding]:
    """What kind of file system the state lies on, or will."""
    mount = mount_of(os.path.realpath(state), host.mounts)
    if mount is None:
        return
    if mount.network:
        what = f"state {state} is on a {mount.kind} mount: SQLite may damage its files there"
        yield Finding("state", what, "put state on a local disk, in a directory of its own")
    elif mount.shared:
        what = f"state {state} is on a {mount.kind} mount, where locks may not hold"
        yield Finding("warning", what, "put state on a disk of this machine, such as a volume")
    elif mount.kind in ("tmpfs", "ramfs"):
        what = f"state {state} is in memory ({mount.kind}): queue and checkpoints end at a reboot"
        yield Finding("warning", what, "put state on a disk")
    elif mount.kind in ("overlay", "aufs", "fuse.fuse-overlayfs"):
        what = f"state {state} is in the container's own layer and is lost with the container"
        yield Finding("warning", what, f"mount a volume at {state}")


def _own_files(config: Config, host: Host, surveys: Iterable[Survey]) -> Iterator[Finding]:
    """Files that shipper writes itself, and would read again without an end."""
    state = [str(config.state / name) for name in _STATE_FILES]
    for each in surveys:
        name = each.source.name
        if path := next(filter(each.takes, state), None):
            what = f"source {name} takes shipper's own state: {path}"
            yield Finding("warning", what, f"add {str(config.state / '**')!r} to its exclude")
        for path in filter(each.takes, host.outputs):
            what = f"source {name} takes what this program itself prints: {path}"
            yield Finding("warning", what, f"add {path!r} to its exclude")
        own = [p for p in each.files if any(own_id in p for own_id in host.own_ids)]
        if own:
            what = f"source {name} takes the log of the container shipper runs in: {own[0]}"
            remedy = "exclude it by the name of its pod or container: each line would make another"
            yield Finding("warning", what, remedy)


def _open_doors(config: Config) -> Iterator[Finding]:
    receiver, page = config.receiver, config.status
    if receiver is not None and not receiver.is_local:
        can = "add events, without TLS and without a password"
        yield _open_door("receiver.listen", receiver.listen, can)
    if page is not None and not page.is_local:
        can = "read dead letters, and so lines of your logs"
        yield _open_door("status.listen", page.listen, can)


def _open_door(key: str, listen: str | None, can: str) -> Finding:
    remedy = "listen on 127.0.0.1, or see that only your own machines reach it"
    return Finding("warning", f"{key} is {listen}: whoever reaches that can {can}", remedy)


def _limits(host: Host, surveys: Iterable[Survey]) -> Iterator[Finding]:
    files = len({path for each in surveys for path in each.files})
    if host.open_files is not None and files > host.open_files:
        what = (
            f"{files} files match and this process may open {host.open_files}:"
            " the ones that are quiet longest are closed in turn"
        )
        yield Finding("warning", what, f"raise it: ulimit -n {_more(files)} (LimitNOFILE=)")
    if host.wall < _EPOCH_OF_DOUBT:
        what = "the clock stands before 2020: events without a time of their own get a wrong one"
        yield Finding("warning", what, "set the clock, by NTP")
