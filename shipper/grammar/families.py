"""Which family of formats a grammar belongs to: for lists that people read.

Rule 1: the name tells it, by how it begins; the first beginning that fits counts. A grammar of the
        user's own with another name is of no family.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

_BEGINNINGS: Final = {
    "web access": (
        *("nginx_error", "apache_error", "modsecurity"),
        *("nginx", "apache", "iis", "w3c", "caddy", "traefik", "gunicorn_access", "uvicorn_access"),
        *("django_runserver", "werkzeug", "uwsgi", "envoy", "squid", "haproxy", "grafana"),
    ),
    "cloud": ("aws_",),
    "syslog": (
        *("syslog_rfc3164", "syslog_rfc5424", "syslog_iso", "systemd", "journald", "supervisord"),
    ),
    "logins": ("sshd", "syslog_pam", "sudo", "su", "login", "syslog_cron", "pam"),
    "mail": ("postfix", "dovecot", "exim", "sendmail", "exchange"),
    "databases": (
        *("mysql", "mariadb", "postgresql", "mongodb", "redis", "mssql", "elasticsearch"),
        *("opensearch",),
    ),
    "Java": (
        *("log4j", "hadoop", "hdfs", "spark", "zookeeper", "spring", "tomcat", "jboss", "kafka"),
        *("java", "logstash"),
    ),
    "Python": ("python", "gunicorn", "uvicorn", "flask", "airflow", "openstack"),
    "Ruby and PHP": ("rails", "ruby", "php", "laravel", "suhosin", "gitlab", "nextcloud"),
    "containers": ("docker", "containerd", "k8s", "klog", "glog", "spdlog"),
    "kernel and packet filters": ("kernel", "wireguard", "iptables", "openbsd", "pf", "unifi"),
    "security devices": (
        *("cef", "leef", "cisco", "fortigate", "paloalto", "juniper", "netscreen"),
        *("auditd", "laurel", "suricata", "zeek"),
    ),
    "DNS": ("bind", "unbound", "coredns", "dnsmasq"),
    "queues": ("rabbitmq",),
    "Windows": ("windows",),
    "any program": ("json", "logfmt", "key_value", "peer_address"),
}
NONE: Final = "-"
_TITLE = re.compile(r"^title:.*$", re.MULTILINE)


def family(name: str) -> str:
    """Return the family of the grammar *name*, or a dash."""
    for kind, beginnings in _BEGINNINGS.items():
        if any(name == start or _begins(name, start) for start in beginnings):
            return kind
    return NONE


def _begins(name: str, start: str) -> bool:
    return name.startswith(start if start.endswith("_") else f"{start}_")


def title(file: Path) -> str:
    """Return the title of the grammar in *file*, without loading the rest; empty if unreadable."""
    try:
        found = _TITLE.search(file.read_text(encoding="utf-8-sig"))
        return str(yaml.safe_load(found[0])["title"]) if found else ""
    except (OSError, ValueError, yaml.YAMLError):
        return ""
