"""Pattern files and the core library."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shipper.errors import GrammarError
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import read_pattern_directories
from tests.grammar.shelf import core

IPV6 = ["::", "::1", "1::", "2001:db8::7", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"]
TAKES = {
    "IPV4": ["192.0.2.1", "255.255.255.255", "0.0.0.0"],
    "IPV6": [*IPV6, "fe80::1%eth0", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1"],
    "IPORHOST": ["192.0.2.1", "::1", "www.example.com", "web1"],
    "HOSTPORT": ["example.com:80", "192.0.2.1:8080"],
    "HOSTNAME": ["a", "a-b.example.org.", "_dmarc.example.com"],
    "MAC": ["00:11:22:aa:bb:cc", "00-11-22-aa-bb-cc", "0011.22aa.bbcc"],
    "URI": ["https://ada@example.com:8080/a/b?c=d#e", "http://[2001:db8::1]/x"],
    "URIPATHPARAM": ["/a/b?c=d", "/"],
    "PATH": ["/var/log/x", "C:\\logs\\x"],
    "NUMBER": ["1", "-1.5", "+.5"],
    "BASE16NUM": ["0xFF", "ff"],
    "QS": ['"a \\" b"', "'x'", '""'],
    "UUID": ["123e4567-e89b-12d3-a456-426614174000"],
    "TIMESTAMP_ISO8601": ["2026-11-23T06:55:44.123Z", "2026-11-23 06:55:44,5"],
    "HTTPDATE": ["23/Nov/2026:06:55:44 +0000"],
    "SYSLOGTIMESTAMP": ["Nov  3 06:55:44", "Nov 23 06:55:44.123"],
    "DATESTAMP": ["11/23/2026 06:55:44", "23.11.2026-06:55:44"],
    "DATESTAMP_RFC2822": ["Mon, 23 Nov 2026 06:55:44 +0000"],
    "DATESTAMP_EVENTLOG": ["20261123065544"],
    "SYSLOGPROG": ["sshd[12]", "postfix/qmgr", "su(pam_unix)[7]"],
    "LOGLEVEL": ["INFO", "Warning", "err"],
    "HTTPDUSER": ["ada", "ada@example.com", "-"],
    "MONTH": ["Jan", "September", "may"],
}
REFUSES = {
    "IPV4": ["256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.٤"],
    "IPV6": ["1::2::3", "1:2:3:4:5:6:7", "12345::", "1:2:3:4:5:6:7:8:9", ":1", "1:", ":::", "g::"],
    "HOSTNAME": ["-a", "a..b", "a b", ""],
    "NUMBER": ["", ".", "1_0", "٣", "1x"],
    "POSINT": ["0", "-1"],
    "UUID": ["123e4567e89b12d3a456426614174000"],
    "MONTH": ["Foo"],
}
PUMPS = [
    "a",
    "1",
    "a ",
    "1.",
    "a:",
    "::",
    "/",
    "//",
    "\\",
    '"',
    '\\"',
    "-",
    "a@",
    "[",
    "%",
    " ",
    "٣",
]


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in TAKES.items() for t in texts])
def test_a_core_pattern_takes(name: str, text: str) -> None:
    """The well-known names match what people expect of them."""
    assert compile_grok(f"%{{{name}}}", core()).pattern.fullmatch(text)


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in REFUSES.items() for t in texts])
def test_a_core_pattern_refuses(name: str, text: str) -> None:
    """And they do not match what only looks like it."""
    assert not compile_grok(f"%{{{name}}}", core()).pattern.fullmatch(text)


@pytest.mark.parametrize("name", sorted(core()))
def test_a_core_pattern_is_linear(name: str) -> None:
    """Each compiles on its own, and no pumped text makes it take long to fail."""
    pattern = compile_grok(f"%{{{name}}}", core()).pattern
    start = time.process_time()
    for pump in PUMPS:
        pattern.fullmatch(pump * (12_000 // len(pump)) + "\n!")
    assert time.process_time() - start < 1


def test_files_are_read_in_order_and_the_later_wins(tmp_path: Path) -> None:
    """Comments and blank lines say nothing; a second directory can redefine a name."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "a").write_text("# of numbers\n\nNUM \\d+\r\nFLAGS  [a-z ]+ \n")
    (tmp_path / "one" / ".hidden").write_text("no pattern line at all")
    (tmp_path / "two" / "b").write_text("\ufeffNUM [0-9]\n", encoding="utf-8")
    found = read_pattern_directories([tmp_path / "one", tmp_path / "two"])
    assert {name: found[name].text for name in found} == {"NUM": "[0-9]", "FLAGS": "[a-z ]+ "}
    assert found["NUM"].where == f"{tmp_path}/two/b:1"


def test_bad_files_are_named_all_at_once(tmp_path: Path) -> None:
    """A line without an expression, a file of bytes, a missing directory: three problems."""
    (tmp_path / "a").write_text("GOOD x\nlonely\n")
    (tmp_path / "b").write_bytes(b"NAME \xff\xfe\n")
    with pytest.raises(GrammarError) as caught:
        read_pattern_directories([tmp_path, tmp_path / "none"])
    places = [problem.where for problem in caught.value.problems]
    assert places == [f"{tmp_path}/a:2", f"{tmp_path}/b", f"{tmp_path}/none"]
    assert all(problem.remedy for problem in caught.value.problems)
