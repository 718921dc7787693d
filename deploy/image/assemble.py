"""Puts together the root file system of the image: what the program needs to run, and nothing else.

usage: assemble.py ROOT VENV LIST, by the interpreter that VENV was made of

1. In ROOT stand the interpreter, the standard library without its tests and its tools, and the
   shared libraries that these and VENV are linked with, all at the paths they have here. There is
   no shell, no package manager and no compiler. LIST gets the paths of interpreter and libraries.
2. VENV keeps the commands `python` and `shipper`, and loses what its packages never load.
3. Bytecode is compiled once, for good: a read-only root could not keep what is compiled at a start.
   It is not checked against the sources, whose times a reproducible build sets anew.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

# Of the standard library: tests, tools of developers, what draws, and what installs packages.
_UNUSED = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "lib2to3",
    "ensurepip", "venv", "pydoc_data", "config-*", "site-packages", "dist-packages",
    *(f"{name}*.so" for name in ("_tkinter", "_test", "_ctypes_test", "_xx", "xx", "_curses",
                                 "readline", "_dbm", "_gdbm", "nis")),
)  # fmt: skip
# Of packages in VENV: a second backend that wants a package which is not there.
_NEVER_LOADED = ("zstandard/_cffi*.so",)

_FILES = {
    "etc/passwd": "root:x:0:0::/:/\nshipper:x:10001:10001::/var/lib/shipper:/\n",
    "etc/group": "root:x:0:\nshipper:x:10001:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_FOLDERS = ("dev", "etc/shipper", "logs", "proc", "run", "sys", "tmp", "var/lib")


def _library() -> list[Path]:
    """Folders of the standard library; some systems keep the compiled part apart."""
    return sorted({Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")})


def _linked(files: Iterable[Path]) -> Iterator[Path]:
    """All shared libraries that *files* are linked with, the loader among them."""
    done = subprocess.run(
        ["ldd", *map(str, files)], capture_output=True, text=True, check=False
    ).stdout  # it fails on what is not linked with anything
    missing = re.findall(r"^\s+(\S+) => not found", done, flags=re.MULTILINE)
    # Wheels carry libraries of their own, which ldd finds beside them.
    if missing:
        raise SystemExit(f"no such library here: {', '.join(sorted(set(missing)))}")
    yield from map(Path, re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done, flags=re.MULTILINE))


def _copy(source: Path, root: Path) -> None:
    """Copy a file, or what a link leads to, to its own path below *root*."""
    target = root / source.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _system(root: Path, venv: Path) -> list[Path]:
    """Copy interpreter, standard library and shared libraries; return the first and the last."""
    interpreter = Path(sys.executable).resolve()
    for folder in _library():
        shutil.copytree(folder, root / folder.relative_to("/"), ignore=_UNUSED, dirs_exist_ok=True)
    for name in ("python3", "python"):  # the environment's own links lead to one of them
        link = root / interpreter.relative_to("/").with_name(name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(interpreter.name)
    copied = (path for folder in _library() for path in _compiled(root / folder.relative_to("/")))
    linked = set(_linked([interpreter, *copied, *_compiled(venv)]))
    from_here = [path for path in sorted(linked) if {venv, root}.isdisjoint(path.parents)]
    for file in (interpreter, *from_here):
        _copy(file, root)
    return [interpreter, *from_here]


def _compiled(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.so*")


def _trim(venv: Path) -> None:
    for command in (venv / "bin").iterdir():
        if command.name != "shipper" and not command.name.startswith("python"):
            command.unlink()
    for pattern in _NEVER_LOADED:
        for file in venv.glob(f"lib/python*/site-packages/{pattern}"):
            file.unlink()


def _furnish(root: Path) -> None:
    for name in _FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name, text in _FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    # Where libraries outside the usual places are, as those of /usr/local.
    for name in ("ld.so.conf", "ld.so.conf.d"):
        if (source := Path("/etc", name)).exists():
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / "etc" / name)
    subprocess.run(["ldconfig", "-r", str(root), "-X"], check=True)
    shutil.rmtree(root / "var/cache", ignore_errors=True)  # ldconfig's notes, with inode numbers


def _compile(folder: Path, place: Path) -> None:
    """Compile all sources in *folder*, which tracebacks are to call *place*."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    # What is there already is made anew: it names the time at which its source was unpacked.
    done = compileall.compile_dir(
        folder, ddir=str(place), force=True, quiet=1, invalidation_mode=mode
    )
    if not done:
        raise SystemExit(f"not all of {folder} could be compiled")


def main(root: Path, venv: Path, listed: Path) -> None:
    """Assemble *root* beside *venv*, all paths absolute."""
    _trim(venv)
    files = _system(root, venv)
    _furnish(root)
    for folder in _library():
        _compile(root / folder.relative_to("/"), folder)
    _compile(venv, venv)
    listed.write_text("".join(f"{file}\n" for file in files), encoding="utf-8")


if __name__ == "__main__":
    os.umask(0o022)
    main(*(Path(argument) for argument in sys.argv[1:4]))
