"""Real trackers and real runtimes send into a running daemon, through an outage and a SIGKILL.

The Python tracker is a dependency of development, the Node tracker is what `make test` has npm put
into `.venv/node`. PHP's tracker is in none of the registries that the tests install from, so PHP
sends requests shaped as those of its emitters, by what the runtime brings; Node does so as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.devcollector.server import DevCollector
from tests.devcollector.events import SCHEMAS
from tests.e2e.test_receiver import Site, Switch
from tests.program import eventually

pytestmark = pytest.mark.e2e

_EVENTS = 30

_PYTHON = """
import sys
from snowplow_tracker import Emitter, PageView, SelfDescribing, SelfDescribingJson, Tracker
emitter = Emitter("127.0.0.1", port=int(sys.argv[1]), protocol="http", batch_size=7)
tracker = Tracker("tests", emitters=emitter, app_id="shop")
for number in range(int(sys.argv[2]) // 2):
    tracker.track(PageView(page_url=f"https://shop.example.com/{number}", page_title="Ünïcode"))
    data = SelfDescribingJson("iglu:com.example/order_placed/jsonschema/1-0-0", {"total": number})
    tracker.track(SelfDescribing(data))
tracker.flush()
"""

_NODE_TRACKER = """
const { newTracker, buildPageView, buildSelfDescribingEvent } = require("@snowplow/node-tracker");
const [port, count] = process.argv.slice(2);
const tracker = newTracker({ namespace: "tests", appId: "shop" }, {
  endpoint: `http://127.0.0.1:${port}`, eventMethod: "post", bufferSize: 7,
  onRequestFailure: () => process.exit(1),
});
for (let number = 0; number < count / 2; number++) {
  tracker.track(buildPageView({ pageUrl: `https://shop.example.com/${number}` }));
  tracker.track(buildSelfDescribingEvent({ event: {
    schema: "iglu:com.example/order_placed/jsonschema/1-0-0", data: { total: number } } }));
}
tracker.flush();
"""

_NODE = """
const { randomUUID } = require("crypto");
const http = require("http");
const [port, count] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const send = (number) => new Promise((resolve, reject) => {
  const event = { e: "pv", p: "srv", tv: "node-4.8.0", tna: "tests", aid: "shop", eid: randomUUID(),
    dtm: String(Date.now()), stm: String(Date.now()), url: `https://shop.example.com/${number}` };
  const body = JSON.stringify({
    schema: "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", data: [event] });
  const request = http.request({ port, agent, method: "POST", host: "127.0.0.1",
    path: "/com.snowplowanalytics.snowplow/tp2",
    headers: { "Content-Type": "application/json; charset=utf-8" } }, (answer) => {
      answer.resume();
      answer.on("end", () => answer.statusCode === 200 ? resolve() : reject(answer.statusCode));
  });
  request.end(body);
});
(async () => {
  for (let number = 0; number < count; number++) await send(number);
  agent.destroy();
})().catch(() => process.exit(1));
"""

# As the Sync emitter sends: the headers that libcurl is given, every value a string, `dtm` of the
# start of the page in whole seconds, and `stm` there already.
_PHP = """<?php
[$_, $port, $count] = $argv;
function id() { $h = bin2hex(random_bytes(16));
  return substr($h, 0, 8) . "-" . substr($h, 8, 4) . "-4" . substr($h, 13, 3) . "-a"
    . substr($h, 17, 3) . "-" . substr($h, 20, 12); }
for ($number = 0; $number < $count; $number++) {
  $now = strval(time() * 1000);
  $event = ["e" => "se", "se_ca" => "shop", "se_ac" => "add", "se_va" => strval($number),
    "p" => "srv", "tv" => "php-0.9.2", "tna" => "tests", "aid" => "shop", "eid" => id(),
    "dtm" => $now, "stm" => $now, "page" => "Ünïcode"];
  $body = json_encode(["schema" =>
    "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data" => [$event]]);
  $context = stream_context_create(["http" => ["method" => "POST", "content" => $body,
    "header" => "Content-Type: application/json; charset=utf-8\\r\\nAccept: application/json\\r\\n",
    "ignore_errors" => true]]);
  $url = "http://127.0.0.1:$port/com.snowplowanalytics.snowplow/tp2";
  if (file_get_contents($url, false, $context) !== "ok") exit(1);
}
"""

# As the Socket emitter sends: a target in absolute form, its own spelling of a header, blank lines
# behind the body, one connection for all, and a short read for the answer.
_PHP_SOCKET = """<?php
[$_, $port, $count] = $argv;
$wire = pfsockopen("127.0.0.1", $port, $code, $text, 30);
for ($number = 0; $number < $count; $number++) {
  $id = sprintf("00000000-0000-4000-8000-%012d", $number);
  $event = ["e" => "pv", "p" => "srv", "tv" => "php-0.9.2", "eid" => $id, "url" => "http://a.example.com/"];
  $body = json_encode(["schema" =>
    "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4", "data" => [$event]]);
  fwrite($wire, "POST http://127.0.0.1:$port/com.snowplowanalytics.snowplow/tp2 HTTP/1.1\\r\\n"
    . "Host: 127.0.0.1\\r\\nContent-Type: application/json; charset=utf-8\\r\\n"
    . "Content-length: " . strlen($body) . "\\r\\nAccept: application/json\\r\\n\\r\\n"
    . $body . "\\r\\n\\r\\n");
  if (!str_contains(fread($wire, 2048), " 200 ")) exit(1);
}
"""


_NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"


def _command(name: str, script: str, suffix: str, directory: Path) -> list[str]:
    """Return what runs *script*; skip the test where that is not installed."""
    file = directory / f"tracker{suffix}"
    file.write_text(script, encoding="utf-8")
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    if script is _NODE_TRACKER and not (_NODE_MODULES / "@snowplow" / "node-tracker").is_dir():
        pytest.skip("@snowplow/node-tracker is not installed: `make test` does that where npm is")
    return [path, str(file)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    switch = Switch()
    with DevCollector(SCHEMAS, intercept=switch) as collector:
        yield Site(tmp_path, collector, switch)


@pytest.mark.parametrize(
    ("name", "script", "suffix"),
    [
        pytest.param(sys.executable, _PYTHON, ".py", id="the Python tracker"),
        pytest.param("node", _NODE_TRACKER, ".js", id="the Node tracker"),
        pytest.param("node", _NODE, ".js", id="requests of the Node tracker"),
        pytest.param("php", _PHP, ".php", id="requests of PHP's Sync emitter"),
        pytest.param("php", _PHP_SOCKET, ".php", id="requests of PHP's Socket emitter"),
    ],
)
def test_a_tracker_loses_nothing(site: Site, name: str, script: str, suffix: str) -> None:
    """It sends while the collector is away, the daemon is killed, and all arrives good, once."""
    command = _command(name, script, suffix, site.directory)
    site.switch.down = True
    with site.run() as (program, client):
        done = subprocess.run(
            [*command, str(client.port), str(_EVENTS)],
            timeout=60,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "NODE_PATH": str(_NODE_MODULES)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        eventually(lambda: site.told("status")["received"] == {"receiver": _EVENTS})
        program.stop(signal.SIGKILL)
    site.switch.down = False
    with site.run() as (program, _):
        eventually(lambda: site.collector.counts().good >= _EVENTS)
        eventually(lambda: site.told("status")["queued_events"] == 0)
        assert program.stop() == 0
    counts = site.collector.counts()
    assert (counts.total, counts.bad) == (_EVENTS, 0)
    assert len(set(site.ids())) == _EVENTS
    assert site.told("audit")["adds_up"]
