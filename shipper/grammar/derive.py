"""Fields that follow from another field by a fixed table: `derive: {syslog_facility: priority}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news"),
    *("uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock"),
    *("local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
_SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

TABLES: Final[Mapping[str, Mapping[Any, str]]] = {
    # RFC 5424 section 6.2.1: PRI = facility * 8 + severity.
    "syslog_facility": {pri: _FACILITIES[pri // 8] for pri in range(192)},
    "syslog_severity": {pri: _SEVERITIES[pri % 8] for pri in range(192)},
}
"""By name, what each value of the source field stands for."""
