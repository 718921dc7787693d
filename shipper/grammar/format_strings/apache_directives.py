"""The directives of Apache's log formats: which field each one is, and what it holds.

Rule 1: names are the project's vocabulary where it has one.
Rule 2: `?` after a kind: the directive may have no value, and then writes ``-``.
"""

from __future__ import annotations

from typing import Final

Meaning = tuple[str, str, str]

LETTERS: Final[dict[str, Meaning]] = {
    "a": ("client_ip", "address", "address of the client"),
    "A": ("server_ip", "address", "address that took the request"),
    "B": ("bytes", "count", "bytes of the body sent"),
    "b": ("bytes", "count?", "bytes of the body sent"),
    "D": ("duration_us", "micros", "microseconds that the request took"),
    "f": ("file", "text?", "file that the request came to"),
    "h": ("client_ip", "address?", "address or name of the client"),
    "H": ("protocol", "protocol?", "HTTP version"),
    "k": ("request_count", "count", "requests on this connection before this one"),
    "l": ("ident", "token?", "name of the user by identd"),
    "L": ("log_id", "token?", "id that the error log has, too"),
    "m": ("method", "method?", "request method"),
    "p": ("server_port", "port?", "port of the server"),
    "P": ("pid", "pid", "process id"),
    "q": ("query", "query", "query string"),
    "R": ("handler", "text?", "handler that made the answer"),
    "s": ("status", "status?", "response status"),
    "T": ("duration_s", "count", "seconds that the request took"),
    "u": ("user", "user?", "user name"),
    "U": ("path", "decoded?", "path of the request, decoded"),
    "v": ("vhost", "host?", "name of the virtual host"),
    "V": ("vhost", "host?", "name of the virtual host"),
    "X": ("connection_status", "sign", "X: cut off, +: may be kept, -: is closed"),
    "I": ("bytes_in", "count", "bytes received, headers too"),
    "O": ("bytes", "count", "bytes sent, headers too"),
    "S": ("bytes_total", "count", "bytes received and sent"),
    "^FB": ("first_byte_us", "micros?", "microseconds to the first byte of the answer"),
}

SECOND: Final[dict[str, str]] = {
    "a": "client_address",
    "h": "client_host",
    "H": "request_protocol",
    "m": "request_method",
    "O": "bytes_sent",
    "p": "port",
    "q": "query_string",
    "U": "url_path",
    "v": "server_name",
    "V": "server_name",
}
"""What to call a field whose name another directive has taken."""

ARGUMENTS: Final[dict[tuple[str, str], Meaning]] = {
    ("a", "c"): ("peer_ip", "address", "address of the peer, perhaps a proxy"),
    ("h", "c"): ("peer_ip", "address?", "address or name of the peer, perhaps a proxy"),
    ("p", "canonical"): ("server_port", "port?", "port of the server"),
    ("p", "local"): ("server_port", "port?", "port that took the request"),
    ("p", "remote"): ("client_port", "port?", "port of the client"),
    ("P", "pid"): ("pid", "pid", "process id"),
    ("P", "tid"): ("tid", "count", "thread id"),
    ("P", "hextid"): ("tid", "hex", "thread id, hexadecimal"),
    ("T", "s"): ("duration_s", "count", "seconds that the request took"),
    ("T", "ms"): ("duration_ms", "count", "milliseconds that the request took"),
    ("T", "us"): ("duration_us", "micros", "microseconds that the request took"),
}

NAMED: Final[dict[str, tuple[str, str]]] = {
    "C": ("cookie_", "cookie {}"),
    "e": ("env_", "environment variable {}"),
    "i": ("http_", "header {} of the request"),
    "n": ("note_", "note {}"),
    "o": ("sent_http_", "header {} of the answer"),
    "x": ("", "variable {} of mod_ssl"),
    "c": ("", "variable {} of mod_ssl"),
    "^ti": ("trailer_", "trailer {} of the request"),
    "^to": ("sent_trailer_", "trailer {} of the answer"),
}
"""Directives that take any name: the prefix of the field, and what it is."""

HEADERS: Final[dict[str, Meaning]] = {
    "referer": ("referrer", "referrer?", "Referer header"),
    "user-agent": ("user_agent", "agent?", "User-Agent header"),
    "host": ("vhost", "host?", "Host header"),
    "x-forwarded-for": ("x_forwarded_for", "forwarded?", "X-Forwarded-For header"),
    "x-request-id": ("request_id", "text?", "X-Request-ID header"),
    "content-type": ("request_content_type", "text?", "Content-Type header of the request"),
}
HEADERS_OUT: Final[dict[str, Meaning]] = {
    "content-type": ("content_type", "text?", "Content-Type of the answer"),
    "location": ("location", "text?", "Location header of the answer"),
}
SSL: Final[dict[str, Meaning]] = {
    "ssl_protocol": ("tls_protocol", "token?", "TLS version"),
    "ssl_cipher": ("tls_cipher", "token?", "cipher"),
    "ssl_tls_sni": ("tls_server_name", "host?", "name that the client asked for (SNI)"),
    "ssl_client_s_dn": ("tls_client_subject", "text?", "subject of the client's certificate"),
    "ssl_client_i_dn": ("tls_client_issuer", "text?", "issuer of the client's certificate"),
    "ssl_client_verify": ("tls_client_verify", "text?", "NONE, SUCCESS, GENEROUS, FAILED:reason"),
}

STRFTIME: Final[dict[str, str]] = {
    **{letter: f"%{letter}" for letter in "YymdeHIMSpjbBaAzZs%"},
    "T": "%H:%M:%S",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
    "D": "%m/%d/%y",
    "h": "%b",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
    "n": "\n",
    "t": "\t",
}
"""The letters of strftime, in ours; those that depend on the locale as in the C locale."""

FRACTIONS: Final = {"msec_frac": "%3f", "usec_frac": "%6f"}
