"""What fuzzing starts from: inputs that go far into each target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fuzz.targets import library

_ROOT = Path(__file__).parents[1]
_TRACE = (
    b"ERROR x=1\n  at a.b(C.java:1)\nCaused by: y\n\n"
    b'{"log":"a=1\\n","stream":"stdout","time":"x"}\n'
)
_CRI = b"2026-11-23T06:55:44.1Z stdout P a=\n2026-11-23T06:55:44.1Z stdout F 1\n"
_UE = (
    b'{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"ue",'
    b'"p":"srv","tv":"x-1","eid":"00000000-0000-4000-8000-000000000000","dtm":"1795000000000",'
    b'"ue_pr":"{\\"schema\\":\\"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0\\",'
    b'\\"data\\":{\\"schema\\":\\"iglu:com.example/a/jsonschema/1-0-0\\",\\"data\\":{}}}"}]}'
)


def framing() -> Iterator[bytes]:
    """A few lines for each way of joining them, cut in the middle."""
    for how in range(40):
        for lines in (_TRACE, _CRI):
            yield bytes([how, 0, len(lines) // 2]) + lines


def grammars() -> Iterator[bytes]:
    """Every sample of every grammar, for that grammar and for `auto`."""
    for number, name in enumerate(library().names(), 1):
        for sample in library().get(name).spec.samples:
            line = sample.line.encode("utf-8", "replace")
            yield bytes([number % 256]) + line
            yield bytes([0]) + line


def receiver() -> Iterator[bytes]:
    """A request of each kind."""
    yield b"e=pv&p=web&tv=x-1&url=https%3A%2F%2Fexample.com%2F&dtm=1795000000000\nuser-agent: a\n\n"
    yield b"e=se&p=srv&tv=x-1&se_ca=a&se_ac=b&se_va=1.5&cx=e30\nx-forwarded-for: 203.0.113.5\n\n"
    yield (
        b"\ncookie: sp=00000000-0000-4000-8000-000000000000\ncontent-type: application/json\n\n"
        + _UE
    )
    yield b"aid=shop\nsp-anonymous: *\n\n" + _UE


def config() -> Iterator[bytes]:
    """The examples of configs/."""
    for file in sorted((_ROOT / "configs").glob("*.yaml")):
        yield file.read_bytes()


SEEDS = {"framing": framing, "grammars": grammars, "receiver": receiver, "config": config}
