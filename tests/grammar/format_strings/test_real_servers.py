"""Lines that real servers wrote, read by the grammar that was made of the server's own format."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.grammar.format_strings import apache, nginx
from tests.grammar.format_strings.servers import free_port, program, send, serving
from tests.grammar.format_strings.workshop import fields, grammar_of

NGINX, APACHE = program("nginx"), program("apache2")
pytestmark = pytest.mark.e2e

REQUESTS = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET /a?b=1&c=%20 HTTP/1.1\r\nHost: www.example.com\r\nReferer: https://example.com/x\r\n"
    b'User-Agent: a "b" \\c\\ (d) \xc3\xa9\r\nX-Forwarded-For: 203.0.113.5, 2001:db8::5\r\n'
    b"Authorization: Basic YWRhIFtraW5nXTp4\r\nConnection: close\r\n\r\n",
    b'HEAD /"q" HTTP/1.1\r\nHost: [2001:db8::7]:8443\r\nUser-Agent:\r\nConnection: close\r\n\r\n',
    b"POST /p HTTP/1.0\r\nContent-Length: 3\r\nX-Odd: - \r\n\r\nabc",
    b'GET /two%20words HTTP/1.0\r\nCookie: sid=a b; x="y"\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\xff"\\\r\n\r\n',
    b"GET\r\n\r\n",
    b"NONSENSE / HTTP/9.9\r\n\r\n",
]

NGINX_FORMATS = {
    "main": """log_format main '$remote_addr - $remote_user [$time_local] "$request" '
        '$status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"';""",
    "wide": """log_format wide '$msec|$time_iso8601|$pid|$connection|$connection_requests|$host|'
        '$request_method|$request_uri|$server_protocol|$request_length|$bytes_sent|$request_time|'
        '$status|$pipe|$remote_user|$http_user_agent|$http_cookie|$cookie_sid|$arg_b|$scheme|'
        '$server_addr|$server_port|$remote_port|$content_length|$sent_http_content_type|$gzip_ratio'
        '|$request_completion|$request_id|$ssl_protocol|$server_name|$hostname|$nginx_version';""",
    "bare": """log_format bare '$remote_addr $remote_user $request $status '
        '$http_user_agent $bytes_sent';""",
    "json": """log_format json escape=json '"$time_iso8601" "$request" "$remote_user" '
        '"$http_user_agent" "$http_cookie" [$http_x_forwarded_for] $status|$args|$request_uri|';""",
    "object": """log_format object escape=json '{"at":"$time_iso8601","client":"$remote_addr",'
        '"user":"$remote_user","req":{"line":"$request","uri":"$request_uri","n":$request_length},'
        '"status":"$status","bytes":$body_bytes_sent,"agent":"$http_user_agent","site":"shop",'
        '"url":"$scheme://$host","seen":[$msec,"$http_cookie"],"x":"$http_x_odd"}';""",
    "none": """log_format none escape=none '"$http_user_agent" "$http_cookie" $status $request';""",
    "target": """log_format target '$status "$uri$is_args$args" $upstream_addr $upstream_status '
        '$upstream_response_time $upstream_cache_status';""",
}  # fmt: skip


def written(home: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of each log, decoded as the shipper does it."""
    logs = {name: (home / f"{name}.log").read_bytes() for name in names}
    return {name: log.decode("utf-8", "replace").split("\n")[:-1] for name, log in logs.items()}


@pytest.fixture(scope="module")
def nginx_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What nginx writes about REQUESTS, by the name of the format."""
    if NGINX is None:
        pytest.skip("nginx is not installed (Debian: nginx-light)")
    home = tmp_path_factory.mktemp("nginx")
    port, behind = free_port(), free_port()
    logs = "\n".join(f"access_log {home}/{name}.log {name};" for name in NGINX_FORMATS)
    places = "\n".join(
        f"{kind}_temp_path {home}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;
        events {{ worker_connections 64; }}
        http {{ lingering_close off; {places} {chr(10).join(NGINX_FORMATS.values())}
        server {{ listen 127.0.0.1:{behind}; access_log off; location / {{ return 404 gone; }} }}
        server {{ listen 127.0.0.1:{port}; server_name www.example.com; {logs}
          location / {{ return 200 "hello"; }}
          location /p {{ proxy_pass http://127.0.0.1:{behind}; }} }} }}"""
    )
    command = [NGINX, "-p", home, "-c", home / "nginx.conf", "-e", home / "start.log"]
    with serving(command, port, signal.SIGQUIT):
        for request in REQUESTS:
            send(port, request)
    return written(home, NGINX_FORMATS)


def read_all(layout: Any, lines: list[str]) -> list[dict[str, Any]]:
    """Parse the lines of REQUESTS: the server may have seen other connections before, no more."""
    grammar = grammar_of(layout)
    assert len(lines) >= len(REQUESTS)
    return [fields(grammar, line) for line in lines][-len(REQUESTS) :]


@pytest.mark.parametrize("name", NGINX_FORMATS)
def test_nginx_writes_what_the_grammar_reads(nginx_lines: dict[str, list[str]], name: str) -> None:
    """Every line, also of requests that are none; the status stands where it should."""
    given = read_all(nginx.read_log_format(NGINX_FORMATS[name]), nginx_lines[name])
    assert [each["status"] for each in given] == [200, 200, 200, 404, 200, 400, 400, 505]


def test_the_fields_of_nginx(nginx_lines: dict[str, list[str]]) -> None:
    """A user with brackets in the name, quotes in headers, IPv6, empty and missing values."""
    main = read_all(nginx.read_log_format(NGINX_FORMATS["main"]), nginx_lines["main"])
    assert main[1] | {"time": ""} == {
        **{"client_ip": "127.0.0.1", "user": "ada [king]", "time": "", "status": 200, "bytes": 5},
        **{"method": "GET", "path": "/a?b=1&c=%20", "protocol": "1.1"},
        **{
            "referrer": "https://example.com/x",
            "user_agent": r"a \x22b\x22 \x5Cc\x5C (d) \xC3\xA9",
        },
        "x_forwarded_for": "203.0.113.5, 2001:db8::5",
    }
    assert main[5]["request"] == r"\x16\x03\x01\x02\x00\x01\x00\xFF\x22\x5C"
    assert "user_agent" not in main[2]
    wide = read_all(nginx.read_log_format(NGINX_FORMATS["wide"]), nginx_lines["wide"])
    assert (wide[2]["vhost"], wide[2]["path"], wide[2]["method"]) == (
        "[2001:db8::7]",
        '/"q"'.replace('"', r"\x22"),
        "HEAD",
    )
    assert (wide[4]["cookie_sid"], wide[1]["arg_b"]) == ("a b", "1")
    assert {each["server"] for each in wide} == {"www.example.com"}
    json = read_all(nginx.read_log_format(NGINX_FORMATS["json"]), nginx_lines["json"])
    assert json[1]["user_agent"] == 'a \\"b\\" \\\\c\\\\ (d) é'
    objects = read_all(nginx.read_log_format(NGINX_FORMATS["object"]), nginx_lines["object"])
    assert objects[1] | {"time": "", "msec": ""} == {
        **{"time": "", "client_ip": "127.0.0.1", "user": "ada [king]", "status": 200, "bytes": 5},
        **{"request": "GET /a?b=1&c=%20 HTTP/1.1", "path": "/a?b=1&c=%20", "request_length": 215},
        **{"user_agent": 'a "b" \\c\\ (d) é', "site": "shop", "msec": ""},
        "url": "http://www.example.com",
    }
    assert objects[4]["http_cookie"] == 'sid=a b; x="y"'
    none = read_all(nginx.read_log_format(NGINX_FORMATS["none"]), nginx_lines["none"])
    assert none[1]["user_agent"] == 'a "b" \\c\\ (d) é'
    target = read_all(nginx.read_log_format(NGINX_FORMATS["target"]), nginx_lines["target"])
    assert target[3]["upstream_status"] == "404"
    paths = [each.get("path") for each in target]
    assert paths == ["/", "/a?b=1&c=%20", r"/\x22q\x22", "/p", "/two words", *[None] * 3]


APACHE_FORMATS = {
    "combined": r'LogFormat "%h %l %u %t \"%r\" %>s %b '
    r'\"%{Referer}i\" \"%{User-Agent}i\"" combined',
    "wide": r'LogFormat "%{%F %T}t.%{usec_frac}t %{%z}t|%a|%A|%{c}a|%B|%b|%D|%T|%{ms}T|%{us}T|%f|'
    r"%H|%I|%O|%S|%k|%L|%m|%p|%{local}p|%{remote}p|%P|%{tid}P|%{hextid}P|%q|%R|%s|%>s|%u|%U|%v|%V|%X|"
    r'%^FB|%{X-Odd}i|%{Cookie}i|%{sid}C|%{Content-Type}o|%{HOME}e|%%" wide',
    "bare": r'LogFormat "%h %u %{sec}t %r %>s %{User-Agent}i %O" bare',
    "some": r'LogFormat "%!200,404{User-Agent}i|%200{Host}i|%>s|%U%q|\t|'
    r'%{end:%d/%b/%Y:%H:%M:%S}t.%{end:msec_frac}t" some',
}  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    """A page that Apache can read, whoever it runs as."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        Path(name, "index.html").write_text("hello")
        yield Path(name)


@pytest.fixture(scope="module")
def apache_lines(tmp_path_factory: pytest.TempPathFactory, site: Path) -> dict[str, list[str]]:
    """What Apache writes about REQUESTS, by the name of the format."""
    if APACHE is None:
        pytest.skip("apache2 is not installed (Debian: apache2)")
    home = tmp_path_factory.mktemp("apache")
    port = free_port()
    modules = Path("/usr/lib/apache2/modules")
    wanted = (
        "mpm_event",
        "authz_core",
        "authn_core",
        "auth_basic",
        "authn_anon",
        "authz_user",
        "dir",
    )
    loads = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in wanted)
    logs = "\n".join(f"CustomLog {home}/{name}.log {name}" for name in APACHE_FORMATS)
    whom = "User #65534\nGroup #65534" if os.geteuid() == 0 else ""
    (home / "httpd.conf").write_text(
        f"""ServerName www.example.com\nListen 127.0.0.1:{port}\nPidFile {home}/pid\n{loads}\n{whom}
        ErrorLog {home}/error.log\nDocumentRoot {site}\nDirectoryIndex index.html
        DefaultRuntimeDir {home}
        HttpProtocolOptions Unsafe\n{chr(10).join(APACHE_FORMATS.values())}\n{logs}
        <Location /a>\nAuthType Basic\nAuthName x\nAuthBasicProvider anon
        Anonymous *\nAnonymous_NoUserID on\nAnonymous_MustGiveEmail off\nRequire valid-user
        </Location>"""
    )
    command = [APACHE, "-f", home / "httpd.conf", "-X"]
    with serving(command, port, signal.SIGTERM):
        for request in REQUESTS:
            send(port, request)
    return written(home, APACHE_FORMATS)


@pytest.mark.parametrize("name", APACHE_FORMATS)
def test_apache_writes_what_the_grammar_reads(
    apache_lines: dict[str, list[str]], name: str
) -> None:
    """Every line, also of requests that are none; the status stands where it should."""
    given = read_all(apache.read_log_format(APACHE_FORMATS[name]), apache_lines[name])
    assert [each["status"] for each in given] == [200, 404, 404, 404, 404, 400, 400, 400]


def test_the_fields_of_apache(apache_lines: dict[str, list[str]]) -> None:
    """A user with brackets in the name, quotes in headers, empty and missing values."""
    combined = read_all(
        apache.read_log_format(APACHE_FORMATS["combined"]), apache_lines["combined"]
    )
    assert combined[1] | {"time": ""} == {
        **{"client_ip": "127.0.0.1", "user": "ada [king]", "time": "", "status": 404, "bytes": 236},
        **{"method": "GET", "path": "/a?b=1&c=%20", "protocol": "1.1"},
        **{"referrer": "https://example.com/x", "user_agent": r"a \"b\" \\c\\ (d) \xc3\xa9"},
    }
    assert combined[5]["request"] == r"\x16\x03\x01\x02"
    wide = read_all(apache.read_log_format(APACHE_FORMATS["wide"]), apache_lines["wide"])
    assert (wide[4]["http_cookie"], wide[4]["cookie_sid"]) == (r"sid=a b; x=\"y\"", "a b")
    assert (wide[1]["query"], wide[1]["path"], wide[1]["user"]) == ("b=1&c=%20", "/a", "ada [king]")
    assert {each["server_port"] for each in wide} == {80}
    bare = read_all(apache.read_log_format(APACHE_FORMATS["bare"]), apache_lines["bare"])
    assert (bare[1]["user"], bare[1]["path"]) == ("ada [king]", "/a?b=1&c=%20")
    some = read_all(apache.read_log_format(APACHE_FORMATS["some"]), apache_lines["some"])
    assert ["user_agent" in each for each in some] == [False] * 8
    assert some[1]["path"] == "/a?b=1&c=%20"
