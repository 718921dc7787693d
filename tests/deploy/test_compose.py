"""compose.yaml: held to the Compose specification, and its path run with the same files."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
import yaml
from compose_spec import PyCompose

from shipper import __version__
from tests.grammar.format_strings.servers import free_port, program, serving
from tests.program import COMMAND, eventually, running, shipper

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
NGINX = program("nginx")


# The file


def test_file_keeps_the_specification() -> None:
    """Every key and value is one that Compose knows."""
    assert set(PyCompose.from_yaml(TEXT).service_names()) == set(SERVICES)


def test_a_wrong_key_is_found() -> None:
    """The specification does find a slip: the test above can fail."""
    with pytest.raises(ValueError, match="readonly"):
        PyCompose.from_yaml(TEXT.replace("read_only: true\n    cap", "readonly: true\n    cap"))


def test_services_can_do_little() -> None:
    """No service writes to its root or gains rights; only nginx keeps capabilities, three."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    assert {name for name, service in SERVICES.items() if "cap_add" in service} == {"nginx"}


def test_ports_are_open_on_the_machine_only() -> None:
    """Every published port is on the loopback address, and no two are the same."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(set(ports)) == len(ports) == 3
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []


def test_what_stays_is_watched() -> None:
    """Each service that stays has a health check; the one that ends is waited for."""
    staying = {name for name, service in SERVICES.items() if "restart" in service}

    assert staying == set(SERVICES) - {"schemas"}
    assert {name for name in staying if "healthcheck" not in SERVICES[name]} == set()
    assert SERVICES["micro"]["depends_on"]["schemas"]["condition"] == (
        "service_completed_successfully"
    )


def test_mounts_are_there() -> None:
    """What is mounted from the checkout exists; volumes are declared."""
    declared = set(yaml.safe_load(TEXT)["volumes"])
    mounts = [mount for service in SERVICES.values() for mount in service["volumes"]]

    for mount in mounts:
        if mount["type"] == "bind":
            assert (ROOT / mount["source"]).is_file(), mount
            assert mount["read_only"] is True
        else:
            assert mount["source"] in declared, mount
    assert {m["source"] for m in mounts if m["type"] == "volume"} == declared


def test_image_is_this_version() -> None:
    """The image is named as the version that it is built of."""
    assert {service["image"] for service in SERVICES.values() if service.get("build") == "."} == {
        f"snowplow-logfile-source:{__version__}"
    }


# The path


class Machine:
    """A folder for each volume of compose.yaml, and the services' own files in terms of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web, self.status, self.collector = free_port(), free_port(), free_port()
        for volume in ("logs", "state", "schemas", "tmp"):
            (folder / volume).mkdir()

    def here(self, service: str, text: str) -> str:
        """Return *text* with the paths in the container of *service* exchanged for ours."""
        targets = {m["target"]: m["source"] for m in SERVICES[service]["volumes"]} | {"/tmp": "tmp"}
        known = "|".join(re.escape(target) for target in targets)
        return re.sub(known, lambda found: str(self.folder / targets[found[0]]), text)

    def command(self, service: str) -> list[str]:
        return [self.here(service, word) for word in SERVICES[service]["command"]]

    def file(self, service: str, target: str, **changes: str) -> Path:
        """Write the file that *service* has at *target*, with *changes*, and return its path."""
        sources = {m["target"]: m["source"] for m in SERVICES[service]["volumes"]}
        text = self.here(service, (ROOT / sources[target]).read_text(encoding="utf-8"))
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        path = self.folder / Path(target).name
        path.write_text(text, encoding="utf-8")
        return path


@contextmanager
def _nginx(it: Machine) -> Iterator[None]:
    changes = {"listen 8081": f"listen 127.0.0.1:{it.web}"}
    config = it.file("nginx", "/etc/nginx/nginx.conf", **changes)
    command = [NGINX, "-p", it.folder, "-c", config, "-e", "stderr", "-g", "daemon off;"]
    with serving(command, it.web, signal.SIGQUIT):
        yield


@contextmanager
def _micro(it: Machine) -> Iterator[None]:
    """The development collector in Micro's place, with the schemas that are mounted into Micro."""
    (registry,) = (m for m in SERVICES["micro"]["volumes"] if m["source"] == "schemas")
    assert registry["target"] == "/config/iglu-client-embedded"
    command = [*COMMAND, "collector", "--listen", f"127.0.0.1:{it.collector}"]
    with serving([*command, "--schemas", it.folder / "schemas"], it.collector, signal.SIGTERM):
        yield


def _get(port: int, path: str) -> Any:
    answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=10)
    answer.raise_for_status()
    return orjson.loads(answer.content) if path.startswith("/micro") else answer.text


@pytest.mark.e2e
@pytest.mark.skipif(NGINX is None, reason="needs nginx (on Debian: nginx-light)")
def test_a_request_becomes_an_event(tmp_path: Path) -> None:
    """A real nginx with its nginx.conf, the shipper with its shipper.yaml, the mounted schemas."""
    it = Machine(tmp_path)
    assert shipper(*it.command("schemas")).returncode == 0
    config = it.file(
        "shipper",
        "/etc/shipper/shipper.yaml",
        **{"0.0.0.0:8080": f"127.0.0.1:{it.status}"},
    )
    environ = {"COLLECTOR_URL": f"http://127.0.0.1:{it.collector}"}
    assert shipper("check", "--offline", "-c", config, environ=environ).returncode == 0

    run = running("run", "-c", config, environ=environ)
    with _nginx(it), _micro(it), run as process:
        assert _get(it.web, "/healthz") == "ok\n"
        assert _get(it.web, "/hello?x=1") == "hello\n"
        eventually(lambda: _get(it.collector, "/micro/all") == {"total": 1, "good": 1, "bad": 0})
        (event,) = _get(it.collector, "/micro/good")
        words = SERVICES["shipper"]["healthcheck"]["test"]
        assert words[:4] == ["CMD", "shipper", "status", "-c"]
        health = shipper("status", "-c", config, *words[5:], environ=environ)
        assert (health.returncode, words[5:]) == (0, ["--health"])
        assert process.stop() == 0

    for uri in (event["schema"], *event["contexts"]):
        assert (it.folder / "schemas" / "schemas" / uri.removeprefix("iglu:")).is_file(), uri
    fields = event["event"]["unstruct_event"]["data"]["data"]
    assert (fields["path"], fields["status"]) == ("/hello?x=1", 200)
    assert event["event"]["app_id"] == "web"
