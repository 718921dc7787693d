"""The log of a real PostgreSQL, read by the grammar that was made of its log_line_prefix."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.grammar.format_strings.postgres import read_log_line_prefix
from tests.grammar.format_strings.servers import program, serving
from tests.grammar.format_strings.workshop import fields, grammar_of

ELSEWHERE = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
POSTGRES, INITDB, PSQL = (program(name, *ELSEWHERE) for name in ("postgres", "initdb", "psql"))
NOBODY = 65_534
# The server refuses to run as root.
WHO: dict[str, Any] = (
    {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
)
STATEMENTS = ["SELECT 1", "SELECT\n\n  2", "SELECT * FROM gone", "SELECT 'a@b LOG:  x'"]
PREFIXES = [
    "%m [%p] %q%u@%d ",
    "%t:%r:%u@%d:[%p]: ",
    "%n|%-12u|%12d|%h|%a|%b|%p|%P|%i|%e|%c|%l|%s|%v|%x|%Q|%%|",
    "%m ",
]
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A fresh cluster, which its own user can reach."""
    if not (POSTGRES and INITDB and PSQL):
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    name = tempfile.mkdtemp()
    try:
        if WHO:
            os.chown(name, NOBODY, NOBODY)
        subprocess.run(
            [INITDB, "-D", f"{name}/data", "-U", "ada", "-A", "trust", "-N", "--locale=C"],
            check=True,
            capture_output=True,
            **WHO,
        )
        yield Path(name)
    finally:
        shutil.rmtree(name)


def records(home: Path, prefix: str, verbosity: str) -> list[str]:
    """Run the server, have it do and fail a few things, and return the records of its log."""
    log = home / "log"
    log.unlink(missing_ok=True)
    options = {
        "log_line_prefix": prefix,
        "log_error_verbosity": verbosity,
        "log_statement": "all",
        "log_connections": "on",
        "log_disconnections": "on",
        "listen_addresses": "",
        "unix_socket_directories": str(home),
        "log_timezone": "Europe/Berlin",
        "fsync": "off",
    }
    shell = 'exec "$0" "$@" 2> log'
    command = ["/bin/sh", "-c", shell, str(POSTGRES), "-D", "data"]
    command += [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
    with serving(command, home / ".s.PGSQL.5432", signal.SIGINT, cwd=home, **WHO):
        for statement in STATEMENTS:
            subprocess.run(
                [str(PSQL), "-h", home, "-U", "ada", "-d", "postgres", "-c", statement],
                capture_output=True,
                check=False,
                timeout=30,
            )
    return re.split(r"\n(?!\t)", log.read_text().removesuffix("\n"))


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("verbosity", ["default", "verbose"])
def test_postgres_writes_what_the_grammar_reads(home: Path, prefix: str, verbosity: str) -> None:
    """Every record: start and end, connections, statements of several lines, errors."""
    grammar = grammar_of(read_log_line_prefix(f"log_line_prefix = '{prefix}'"))
    given = [fields(grammar, record) for record in records(home, prefix, verbosity)]
    said = [(each["level"], each["message"]) for each in given]
    assert ("LOG", "statement: SELECT\n\t\n\t  2") in said
    assert ("LOG", "statement: SELECT 'a@b LOG:  x'") in said
    assert ("STATEMENT", "SELECT * FROM gone") in said
    assert ("LOG", "database system is shut down") in said
    (lost,) = [each for each in given if each["level"] == "ERROR"]
    assert lost["message"] == 'relation "gone" does not exist at character 15'
    if "%u" in prefix:
        assert (lost["user"], lost["database"]) == ("ada", "postgres")
        assert "user" not in given[0]
    if verbosity == "verbose" or "%e" in prefix:
        assert lost["error_code"] == "42P01"
    if "%h" in prefix:
        assert (lost["client_ip"], lost["application"]) == ("[local]", "psql")
        assert lost["backend_type"] == "client backend"
