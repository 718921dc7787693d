"""What users install: a wheel and an sdist, built for real and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from shipper import __version__

ROOT = Path(__file__).parents[1]
NAME = f"snowplow_logfile_source-{__version__}"

pytestmark = pytest.mark.e2e


def _build(project: Path, target: str, folder: Path) -> Path:
    """Build *target* (wheel or sdist) of *project* and return the file that was made."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    (made,) = folder.iterdir()
    return made


def _files(folder: Path, *, inside: Path) -> set[str]:
    """Names of the files below *folder* that are sources, relative to *inside*."""
    return {
        path.relative_to(inside).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _below(names: Iterable[str], folder: str) -> set[str]:
    return {name for name in names if name.startswith(f"{folder}/")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{NAME}.dist-info/METADATA").decode()
    return Parser().parsestr(text)


def test_wheel_is_for_every_machine(wheel: Path) -> None:
    """One wheel serves all systems and all Python versions that are supported."""
    assert wheel.name == f"{NAME}-py3-none-any.whl"


def test_wheel_holds_the_package_and_nothing_else(names: set[str]) -> None:
    """Code, type marker, grammars and licence are in; tests and tools are not."""
    code = _files(ROOT / "shipper", inside=ROOT)
    grammars = {f"shipper/{name}" for name in _files(ROOT / "grammars", inside=ROOT)}
    about = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    extra = {f"{NAME}.dist-info/entry_points.txt", f"{NAME}.dist-info/licenses/LICENSE"}

    assert names == code | grammars | about | extra
    assert {"shipper/py.typed", "shipper/grammars/nginx_access.yaml"} <= names


def test_metadata_tells_what_an_installer_must_know(metadata: Message) -> None:
    """Name, version, Python and licence are those of the project."""
    assert metadata["Name"] == "snowplow-logfile-source"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_metadata_asks_for_the_runtime_only(metadata: Message) -> None:
    """The wheel requires what pyproject.toml lists, and none of the developer's tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = metadata.get_all("Requires-Dist") or []

    assert sorted(map(str.lower, required)) == sorted(map(str.lower, project["dependencies"]))


def test_sdist_holds_all_that_a_packager_needs(sdist: Path) -> None:
    """Code, grammars, tests, lock files, licence and the build's own settings are in."""
    with tarfile.open(sdist) as archive:
        found = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}

    top = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "PKG-INFO"}
    assert top <= found
    for folder in ("shipper", "grammars", "tests", "requirements"):
        assert _below(found, folder) == _files(ROOT / folder, inside=ROOT), folder


def test_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """Who builds from the sdist gets, byte for byte, what we would have given them."""
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)

    again = _build(tmp_path / NAME, "wheel", tmp_path / "dist")

    assert again.read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("site").resolve()
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True, capture_output=True)
    return folder


def _run_installed(site: Path, *command: str | Path) -> str:
    """Standard output of *command*, started away from the checkout with the wheel first in line."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        command, cwd=site.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_wheel_finds_its_grammars(site: Path) -> None:
    """Away from the checkout, the program reads the grammars of its own package."""
    code = "import shipper.grammar.library as it; print(it.__file__); print(it.shipped_directory())"

    shown = _run_installed(site, sys.executable, "-c", code).splitlines()

    assert shown == [str(site / "shipper/grammar/library.py"), str(site / "shipper/grammars")]


def test_installed_command_says_its_version(site: Path) -> None:
    """The wheel brings the `shipper` command."""
    assert __version__ in _run_installed(site, site / "bin" / "shipper", "--version")


@pytest.mark.parametrize("kind", [(), ("--grammar",)])
def test_installed_wheel_has_the_schemas_for_editors(site: Path, kind: tuple[str, ...]) -> None:
    """The path that the command names is a file of the wheel, and holds what the command prints."""
    command: tuple[str | Path, ...] = (site / "bin" / "shipper", "config", "schema", *kind)
    file = Path(_run_installed(site, *command, "--where").strip())

    assert file.is_relative_to(site)
    assert file.read_text(encoding="utf-8") == _run_installed(site, *command)
