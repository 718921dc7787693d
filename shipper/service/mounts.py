"""What is mounted where, from the text of ``/proc/self/mountinfo`` (see proc(5)).

Rule 1: what a line lacks is not guessed: a line that is no mount is left out.
Rule 2: the last mount at a place hides those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Behind these there is another machine: another one may write, and locks and shared memory, which
# SQLite's write-ahead log needs, do not reach there.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "ceph", "glusterfs"),
    *("lustre", "gpfs", "beegfs", "orangefs", "ocfs2", "gfs2"),
    *("fuse.sshfs", "fuse.s3fs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.gcsfuse"),
    *("fuse.rclone", "fuse.goofys", "fuse.mount-s3", "fuse.blobfuse2", "fuse.juicefs"),
    *("fuse.davfs", "fuse.curlftpfs"),
}
# Directories of the host, handed in to a virtual machine.
_SHARED = {"9p", "virtiofs", "vboxsf", "prl_fs", "fakeowner", "drvfs", "fuse"}
# Local in spite of their names: all that writes to them does it through this kernel.
_LOCAL_FUSE = {"fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.mergerfs", "fuse.gocryptfs"}

_OCTAL = re.compile(r"\\([0-7]{3})")
# Files that a container runtime makes for one container and mounts into it. Where they come from
# holds the container's id (Docker) or the pod's (Kubernetes).
_OWN_FILES = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log"}
_OWN_ID = re.compile(
    r"/(?:containers|pods)/([0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/"
)


class Mount(NamedTuple):
    """One mount: the directory or file it stands at, what of the file system it shows, its type."""

    point: str
    root: str
    kind: str

    @property
    def network(self) -> bool:
        """Whether another machine may write to it."""
        return self.kind in _NETWORK

    @property
    def shared(self) -> bool:
        """Whether what writes to it may be out of this kernel's sight, without a network."""
        fuse = self.kind.startswith("fuse.") and self.kind not in _LOCAL_FUSE
        return not self.network and (fuse or self.kind in _SHARED)


def parse(text: str) -> tuple[Mount, ...]:
    """Return the mounts that *text* lists, in its order; escapes such as ``\\040`` are resolved."""
    return tuple(_mounts(text.split("\n")))


def mount_of(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount that the absolute *path*, free of links, lies in."""
    best: Mount | None = None
    for mount in mounts:
        if _within(path, mount.point) and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def below(path: str, mounts: Iterable[Mount]) -> list[Mount]:
    """Return the mounts that stand in the directory *path*, or deeper."""
    return [mount for mount in mounts if mount.point != path and _within(mount.point, path)]


def own_ids(mounts: Iterable[Mount]) -> frozenset[str]:
    """Return the ids of the container and of the pod that this process runs in, where known."""
    matches = (_OWN_ID.search(mount.root) for mount in mounts if mount.point in _OWN_FILES)
    return frozenset(match[1] for match in matches if match)


def _mounts(lines: Iterable[str]) -> Iterator[Mount]:
    for line in lines:
        fields = line.split(" ")
        try:
            kind = fields[fields.index("-", 6) + 1]
        except (ValueError, IndexError):
            continue
        yield Mount(_plain(fields[4]), _plain(fields[3]), kind)


def _plain(escaped: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), escaped)


def _within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
