"""What is mounted where, from texts as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.service.mounts import Mount, below, mount_of, own_ids, parse

CONTAINER = "5f" * 32
POD = "0b1e2d3c-aaaa-4bbb-8ccc-0123456789ab"
TEXT = f"""\
40 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
51 40 0:44 / /srv/my\\040logs rw,relatime shared:2 master:7 - nfs4 192.0.2.9:/export rw,vers=4.2
52 40 8:2 /var/log/shop/app.log /logs/app.log ro - ext4 /dev/sda2 rw
53 40 0:50 / /logs rw - tmpfs none rw
54 53 0:51 / /logs/remote rw - fuse.sshfs ada@example.org: rw
55 40 8:2 /var/lib/docker/containers/{CONTAINER}/hosts /etc/hosts rw - ext4 /dev/sda2 rw
56 40 8:2 /kubelet/pods/{POD}/etc-hosts /etc/hosts rw - ext4 /dev/sda2 rw
57 40 8:2 /pods/{POD[:-1]}f/data /data rw - ext4 /dev/sda2 rw
"""


def test_points_roots_and_types() -> None:
    """A mount has its point, its root and its type, however many optional fields stand between."""
    mounts = parse(TEXT)
    assert mounts[0] == Mount("/", "/", "ext4")
    assert mounts[1] == Mount("/srv/my logs", "/", "nfs4")
    assert mounts[2] == Mount("/logs/app.log", "/var/log/shop/app.log", "ext4")
    assert len(mounts) == 8


def test_escapes_are_resolved() -> None:
    """Blanks, tabs, line ends and backslashes in a path are written in octal, and come back."""
    (mount,) = parse("1 0 0:1 /a\\011b /x\\040y\\134z\\012w rw - tmpfs t rw")
    assert mount == Mount("/x y\\z\nw", "/a\tb", "tmpfs")


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/logs/remote/a.log", "/logs/remote"),
        ("/logs/remote", "/logs/remote"),
        ("/logs/remoter", "/logs"),
        ("/logs/app.log", "/logs/app.log"),
        ("/log", "/"),
        ("/", "/"),
    ],
)
def test_the_nearest_mount_holds_a_path(path: str, point: str) -> None:
    """A path lies in the mount with the longest point, by whole names."""
    mount = mount_of(path, parse(TEXT))
    assert mount is not None
    assert mount.point == point


def test_a_later_mount_hides_an_earlier_one() -> None:
    """Of two mounts at one place the last one is seen."""
    text = "1 0 0:1 / /a rw - ext4 x rw\n2 0 0:2 / /a rw - nfs y rw\n"
    assert mount_of("/a/b", parse(text)) == Mount("/a", "/", "nfs")
    assert mount_of("/b", parse(text)) is None


def test_mounts_below() -> None:
    """The mounts below a directory are those deeper than it."""
    assert [m.point for m in below("/logs", parse(TEXT))] == ["/logs/app.log", "/logs/remote"]
    assert "/logs/remote" in [m.point for m in below("/", parse(TEXT))]


@pytest.mark.parametrize(
    ("kind", "network", "shared"),
    [
        ("nfs4", True, False),
        ("cifs", True, False),
        ("fuse.sshfs", True, False),
        ("9p", False, True),
        ("virtiofs", False, True),
        ("fuse.grpcfuse", False, True),
        ("fuse.fuse-overlayfs", False, False),
        ("fuseblk", False, False),
        ("overlay", False, False),
        ("ext4", False, False),
        ("tmpfs", False, False),
    ],
)
def test_kinds(kind: str, network: bool, shared: bool) -> None:
    """Network file systems and shared directories of a host are told from local disks."""
    mount = Mount("/x", "/", kind)
    assert (network, shared) == (mount.network, mount.shared)


def test_own_ids() -> None:
    """The container's and the pod's id come from the files that the runtime made for it alone."""
    assert own_ids(parse(TEXT)) == {CONTAINER, POD}
    assert own_ids(()) == frozenset()


def test_the_kernels_own_text() -> None:
    """What this kernel writes has a root mount, and no line of it is lost."""
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    mounts = parse(text)
    assert "/" in [mount.point for mount in mounts]
    assert len(mounts) == len(text.splitlines())


@given(st.text(alphabet="0 -/\\a1\n:", max_size=80))
def test_nonsense_is_left_out(text: str) -> None:
    """Whatever the text is, there is an answer."""
    assert all(isinstance(mount, Mount) for mount in parse(text))
