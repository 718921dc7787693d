"""The page docs/collector.md shows what really happens."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from shipper.devcollector.server import DevCollector
from tests.devcollector.events import SCHEMAS
from tests.devcollector.test_app import Client

PAGE = (Path(__file__).parents[2] / "docs" / "collector.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|text|python)\n(.*?)```", PAGE, re.DOTALL)


def curl(command: str, client: Client) -> str:
    """Do what curl does with the few options that the page uses."""
    words = shlex.split(command)[1:]
    headers: dict[str, str] = {}
    body: bytes | None = None
    target = ""
    while words:
        match words.pop(0):
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name.replace("-", "_")] = value
            case "-d":
                body = words.pop(0).encode()
            case url:
                target = url.removeprefix("http://127.0.0.1:9090")
    reply = client.ask("GET" if body is None else "POST", target, body, **headers)
    assert reply.status == 200
    return reply.body.decode(errors="replace")


def test_the_examples_answer_as_the_page_says() -> None:
    """Each curl is sent; the text block after it is, or stands in, the last answer."""
    sent = 0
    answer = ""
    with DevCollector(SCHEMAS) as collector:
        for language, block in BLOCKS:
            commands = [line for line in block.splitlines() if line.startswith("curl ")]
            for command in commands if language == "sh" else ():
                answer = curl(command, Client(collector.port))
                sent += 1
            if language == "text":
                assert block.strip() in answer
    assert sent == 5


def test_the_python_example_runs() -> None:
    """It is complete: copy, paste, run."""
    (example,) = [block for language, block in BLOCKS if language == "python"]

    exec(compile(example, "docs/collector.md", "exec"), {})
