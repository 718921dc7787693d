"""The repository's own promises: budgets of size, lock files, commands that document themselves.

A line counts for a function's length where it is not part of the docstring.
"""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from shipper import __version__

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "shipper").rglob("*.py"))
LOCKS = ("run", "build", "dev", "docs", "fuzz", "audit")


# Budgets


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node, clean=False) is None:
        return 0
    docstring = node.body[0]
    return (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1


def _functions() -> Iterator[tuple[int, str]]:
    """Length and place of every function of the package."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                last = node.end_lineno or node.lineno
                length = last - node.lineno + 1 - _docstring_lines(node)
                yield length, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def test_no_function_is_long() -> None:
    """No function has more than 50 lines: one that needs more is two functions."""
    assert [(length, where) for length, where in _functions() if length > 50] == []


def test_most_functions_are_short() -> None:
    """Half of the functions have at most 8 lines, 19 of 20 at most 30."""
    lengths = [length for length, _ in _functions()]

    assert statistics.median(lengths) <= 8
    assert statistics.quantiles(lengths, n=20)[18] <= 30


def test_no_file_is_long() -> None:
    """No file has more than 400 lines."""
    sizes = {str(p.relative_to(ROOT)): p.read_bytes().count(b"\n") for p in MODULES}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


# Lock files


def _pins(lock: str) -> dict[str, str]:
    """Name and version of every requirement of a lock file."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_names_no_host(lock: str) -> None:
    """Where packages come from is the business of the machine that installs them."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    assert re.findall(r"\w+://|--(?:extra-)?index-url|--find-links|--trusted-host", text) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_pins_everything_by_hash(lock: str) -> None:
    """Each requirement has one exact version and at least one SHA-256."""
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    requirements = re.split(r"\n(?! )", text.strip())

    assert len(requirements) == len(_pins(lock)) > 0
    assert [r for r in requirements if not re.search(r"--hash=sha256:[0-9a-f]{64}$", r)] == []


def _asked(lock: str) -> list[str]:
    """What pyproject.toml asks for directly, for one lock file."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    runtime, build = project["project"]["dependencies"], groups["build"]
    own = [r for r in groups["dev"] if isinstance(r, str)]
    whole = {"run": runtime, "dev": [*runtime, *build, *own]}
    return list(whole.get(lock) or groups[lock])


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_agrees_with_the_project(lock: str) -> None:
    """Every direct dependency is pinned within what pyproject.toml allows (else: make lock)."""
    pins = _pins(lock)
    stale = {
        wanted: pins.get(canonicalize_name(requirement.name))
        for wanted in _asked(lock)
        if (requirement := Requirement(wanted))
        and pins.get(canonicalize_name(requirement.name), "0") not in requirement.specifier
    }
    assert stale == {}


def test_tests_run_what_users_get() -> None:
    """The developer's lock file pins the very versions that run in the image."""
    dev = _pins("dev")
    assert {n: v for lock in ("run", "build") for n, v in _pins(lock).items() if dev[n] != v} == {}


def test_tools_are_installed_beside_the_program() -> None:
    """What both need has one version, so tools go into the same environment."""
    dev = _pins("dev")
    beside = {**_pins("docs"), **_pins("fuzz"), **_pins("audit")}
    assert {n: v for n, v in beside.items() if dev.get(n, v) != v} == {}


# Commands


def test_make_lists_every_target() -> None:
    """`make` alone names each target with a line of help, and makes nothing."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))

    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    listed = dict(re.findall(r"^ *make (\S+) +(\S.*)$", shown, flags=re.MULTILINE))
    assert set(listed) == targets >= {"help", "run", "test", "check", "kill-test", "image-test"}


@pytest.mark.parametrize("script", [".ci/run", ".ci/audit", "deploy/image-test.sh"])
def test_script_can_be_started(script: str) -> None:
    """The script is executable, and bash can read it to its end."""
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_ci_runs_what_developers_run() -> None:
    """Continuous integration calls the same targets, and no tool past them."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\S+)", script, flags=re.MULTILINE) == [
        "lint",
        "docs",
        "audit",
        "test",
    ]


def test_readme_begins_with_the_two_commands() -> None:
    """A newcomer finds `make run` and `make test` without scrolling."""
    start = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:60])
    assert "make run" in start
    assert "make test" in start


# Container image


def _final_stage() -> str:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    return dockerfile[dockerfile.rindex("\nFROM ") :]


def test_image_runs_without_rights() -> None:
    """The process has a numeric user id that is not 0, so that runAsNonRoot can see it."""
    users = re.findall(r"^USER (.*)$", _final_stage(), flags=re.MULTILINE)
    assert users == ["10001:10001"]


def test_image_needs_no_shell() -> None:
    """It has none: it begins from scratch, and program, arguments and health check are lists."""
    assert _final_stage().splitlines()[1] == "FROM scratch"
    assert re.findall(r"^RUN ", _final_stage(), flags=re.MULTILINE) == []
    forms = re.findall(r"^ *(ENTRYPOINT|CMD) (.)", _final_stage(), flags=re.MULTILINE)
    assert forms == [("CMD", "["), ("ENTRYPOINT", "["), ("CMD", "[")]


def test_image_is_labelled_with_the_version() -> None:
    """The image's label names the version of the package inside."""
    assert f"\nARG VERSION={__version__}\n" in _final_stage()


def test_image_build_names_no_host() -> None:
    """Where packages come from is the business of the machine that builds."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"\w+://|--index-url|--trusted-host", dockerfile) == []
