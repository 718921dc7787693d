"""Completion in the shells themselves: bash, zsh and fish."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import terminal

pytestmark = pytest.mark.e2e

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def shell(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing")
    return found


def run(*command: str) -> list[str]:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PATH": PATH, "HOME": "/nonexistent"},
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("shipper gram", ["grammar"]),
        ("shipper grammar from-l", ["from-log4j", "from-logstash"]),
        ("shipper grammar show nginx_access_v", ["nginx_access_vhost"]),
        ("shipper parse -g logfmt,nginx_access_m", ["logfmt,nginx_access_main"]),
        ("shipper init --sta", ["--start", "--state"]),
    ],
)
def test_bash(words: str, found: list[str]) -> None:
    """Commands, options, and names of grammars, as its completion gets them."""
    script = f"""eval "$(shipper completion bash)"
        complete -p shipper >/dev/null
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _shipper_completion shipper; printf '%s\\n' "${{COMPREPLY[@]}}" """
    assert run(shell("bash"), "--norc", "-ec", script) == found


def test_fish() -> None:
    """What it offers for a command line."""
    script = "shipper completion fish | source; complete -C 'shipper grammar show nginx_access_v'"
    assert run(shell("fish"), "--no-config", "-c", script) == ["nginx_access_vhost"]


def test_zsh(tmp_path: Path) -> None:
    """The tab key finishes the word on the screen."""
    home = {"PATH": PATH, "HOME": str(tmp_path), "PS1": "> "}
    with terminal(shell("zsh"), "-f", "-i", **home) as screen:
        screen.type("autoload -U compinit && compinit -D -u; echo re''ady\r")
        screen.expect("ready")
        screen.type('eval "$(shipper completion zsh)"; echo setup\r')
        screen.expect("setup")
        screen.type("shipper grammar show nginx_access_vh\t; echo do''ne\r")
        screen.expect("nginx_access_vhost")
        screen.expect("done")
        screen.type("exit\r")
        screen.end()
