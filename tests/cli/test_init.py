"""``shipper init``: what it finds, prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.cli import run_cli
from shipper.config.load import load_config
from shipper.config.models import Config

Capture = pytest.CaptureFixture[str]
URL = "http://127.0.0.1:9090"
ACCESS = '192.0.2.1 - - [23/Nov/2026:06:55:44 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.10.1"\n'


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an access log that is understood and a log that is not; the user's home."""
    logs = tmp_path / "root/var/log"
    (logs / "nginx").mkdir(parents=True)
    (logs / "nginx/access.log").write_text(ACCESS * 9)
    (logs / "haproxy.log").write_text("lorem ipsum dolor\n" * 5)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.delenv("TZ", raising=False)
    return tmp_path


def run(*arguments: str | Path) -> int:
    return run_cli(["init", *map(str, arguments)])


def written(file: str = "shipper.yaml") -> Config:
    return load_config(Path(file), {})


def test_a_script_gets_a_configuration(capsys: Capture, machine: Path) -> None:
    """What is understood is shipped; what is not, is told and left as a comment."""
    assert run("--root", machine / "root", "--collector", URL, "--yes", "--state", "state") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:3] == [
        "   source        files  grammar       lines that match",
        "1  nginx_access  1      nginx_access  100.0 % of 9",
        "2  haproxy       1      -             0.0 % of 5",
    ]
    assert "  shipper check -c shipper.yaml\n" in err
    assert f"  shipper parse -g nginx_access {machine}/root/var/log/nginx/access.log | head" in err
    (source,) = written().sources
    assert (source.name, source.grammar) == ("nginx_access", ("nginx_access",))
    assert "  # - name: haproxy\n" in Path("shipper.yaml").read_text()
    assert run_cli(["check", "-c", "shipper.yaml", "--offline"]) == 0
    out = capsys.readouterr().out
    assert "ok       source nginx_access: 1 files\n" in out
    assert "home/state: will be made\n" in out


def test_paths_of_ones_own(machine: Path) -> None:
    """Only what is named, with the directory of one's own grammars."""
    (machine / "g").mkdir()
    (machine / "g/lorem.yaml").write_text(
        "name: lorem\ntitle: words\nschema: iglu:org.example/lorem/jsonschema/1-0-0\n"
        "match: ['lorem (?<rest>.*)']\nfields: {rest: {max_length: 99, description: others}}\n"
    )
    log = machine / "root/var/log/haproxy.log"
    assert run("--collector", URL, "-d", machine / "g", "--start", "end", log) == 0
    config = written()
    assert config.grammars.directories == (machine / "g",)
    assert [(s.name, s.grammar, s.start) for s in config.sources] == [
        ("haproxy", ("lorem",), "end")
    ]


def test_it_can_be_printed(capsys: Capture, machine: Path) -> None:
    """With --output - the configuration goes to standard output, the rest to standard error."""
    assert run("--root", machine / "root", "--collector", URL, "--output", "-") == 0
    out = capsys.readouterr().out
    assert out.startswith("# Written by shipper init.")
    Path("other.yaml").write_text(out)
    assert written("other.yaml").sources
    assert not Path("shipper.yaml").exists()


def test_nothing_is_overwritten(capsys: Capture, machine: Path) -> None:
    """Exit 64 with the remedy; --force does it."""
    Path("shipper.yaml").write_text("mine\n")
    arguments = ("--root", machine / "root", "--collector", URL)
    assert run(*arguments) == 64
    assert "shipper.yaml is there already" in capsys.readouterr().err
    assert Path("shipper.yaml").read_text() == "mine\n"
    assert run(*arguments, "--force") == 0
    assert written().sources


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 64, "say --collector URL"),
        (("--collector", "collector.example.com"), 64, "has no scheme"),
        (("--collector", URL, "no/such.log"), 65, "no/such.log names no file"),
        (("--collector", URL, "--root", "."), 65, "no log files were found"),
        (("--collector", URL, "../root/var/log/haproxy.log"), 65, "none of these logs"),
        (("--collector", URL, "--output", "no/such/dir.yaml", ".."), 64, "can't be written"),
    ],
)
def test_what_can_not_be_done_is_told(
    arguments: tuple[str, ...], code: int, told: str, capsys: Capture
) -> None:
    """Each with what to do, and nothing is written."""
    assert run(*arguments) == code
    error = capsys.readouterr().err
    assert told in error
    assert "remedy" in error
    assert list(Path().iterdir()) == []


def test_files_that_are_not_looked_at_are_told(capsys: Capture, machine: Path) -> None:
    """One line a file, with the reason."""
    binary = machine / "root/var/log/nginx/old_access.log"
    binary.write_bytes(b"\x7fELF\0\0")
    assert run("--root", machine / "root", "--collector", URL) == 0
    assert f"not looked at: {binary}: is no text: it holds NUL\n" in capsys.readouterr().err


def test_logs_of_others_need_another_user(capsys: Capture, machine: Path) -> None:
    """A log that can't be opened has no share; the remedy is the right one."""
    log = machine / "root/var/log/haproxy.log"
    log.unlink()
    log.write_bytes(b"\0" * 9)
    assert run("--collector", URL, log) == 65
    error = capsys.readouterr().err
    assert "1  haproxy  1      -        -\n" in error
    assert "run it as a user who may read them" in error
