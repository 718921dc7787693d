"""This machine, as far as the doctor asks: its mounts, limits and clock, looked at once.

Rule 1: what can't be looked at is None, or empty: `here` never fails.
"""

from __future__ import annotations

import ctypes
import os
import resource
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from shipper.service.mounts import Mount, own_ids, parse

_INOTIFY = Path("/proc/sys/fs/inotify")
# In a user namespace, as of a rootless container, there is a limit of its own besides.
_NAMESPACE = Path("/proc/sys/user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Facts of the machine.

    `no_inotify` says why the kernel gives no inotify instance, if so. `outputs` are the files that
    standard output and standard error go to, `own_ids` the ids of the container that it runs in.
    `wall` is the time of day in seconds since 1970.
    """

    mounts: tuple[Mount, ...] = ()
    max_watches: int | None = None
    max_instances: int | None = None
    no_inotify: str = ""
    open_files: int | None = None
    outputs: tuple[str, ...] = ()
    own_ids: frozenset[str] = frozenset()
    wall: float = 0.0

    @classmethod
    def here(cls) -> Host:
        """Look at the machine that this process runs on."""
        mounts = parse(_text(Path("/proc/self/mountinfo")))
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        return cls(
            mounts=mounts,
            max_watches=_inotify_limit("watches"),
            max_instances=_inotify_limit("instances"),
            no_inotify=_try_inotify(),
            open_files=None if hard == resource.RLIM_INFINITY else hard,
            outputs=tuple(dict.fromkeys(path for fd in (1, 2) if (path := _file_of(fd)))),
            own_ids=own_ids(mounts),
            wall=time.time(),
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() and text.isascii() else None


def _inotify_limit(what: str) -> int | None:
    limits = _number(_INOTIFY / f"max_user_{what}"), _number(_NAMESPACE / f"max_inotify_{what}")
    return min((limit for limit in limits if limit is not None), default=None)


def _try_inotify() -> str:
    """Make an inotify instance and close it; return why that fails, or nothing."""
    make = getattr(ctypes.CDLL(None, use_errno=True), "inotify_init1", None)
    if make is None:
        return ""
    fd = make(os.O_CLOEXEC)
    if fd < 0:
        return os.strerror(ctypes.get_errno())
    os.close(fd)
    return ""


def _file_of(fd: int) -> str:
    """Return the path of the regular file that *fd* is, or nothing."""
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        return os.readlink(f"/proc/self/fd/{fd}") if regular else ""  # noqa: PTH115  # a text
    except OSError:
        return ""
