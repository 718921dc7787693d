"""Container formats and paths: what runtimes write is understood, all else is left alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from shipper.formats.containers import (
    CONTAINER_SCHEMA,
    Piece,
    container_schema,
    detect,
    docker_config,
    facts_in,
    place_of,
    unwrap_cri,
    unwrap_docker,
)

TIME = "2026-11-23T06:55:44.123456789Z"
ID = "4f1d" * 16
UID = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9"


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        (f"{TIME} stdout F hello there", Piece("stdout", TIME, "hello there", False)),
        (f"{TIME} stderr P  two spaces", Piece("stderr", TIME, " two spaces", True)),
        (f"{TIME} stdout F:last:x text", Piece("stdout", TIME, "text", False)),
        (f"{TIME} stdout P:first text", Piece("stdout", TIME, "text", True)),
        (f"{TIME} stdout F ", Piece("stdout", TIME, "", False)),
        (f"{TIME} stdout F", Piece("stdout", TIME, "", False)),
        (
            "2026-11-23T06:55:44+01:00 stdout F x",
            Piece("stdout", "2026-11-23T06:55:44+01:00", "x", False),
        ),
    ],
)
def test_cri(line: str, piece: Piece) -> None:
    """Time, stream, tags, text: the text is all after one space, and may be empty."""
    assert unwrap_cri(line) == piece
    assert detect(line) == "cri"


@pytest.mark.parametrize(
    "line",
    [
        "",
        TIME,
        f"{TIME} stdout",
        f"{TIME} stdin F x",
        f"{TIME} stdout X x",
        f"{TIME} stdout FF x",
        f"{TIME} stdout F\tx",
        f" {TIME} stdout F x",
        "2026-11-23 06:55:44 stdout F x",
        "٢٠٢٦-11-23T06:55:44Z stdout F x",
    ],
)
def test_not_cri(line: str) -> None:
    """What breaks the form anywhere is plain text."""
    assert unwrap_cri(line) is None
    assert detect(line) is None


def test_docker() -> None:
    """The text ends with LF, or a piece follows; more keys do no harm."""
    line = {"log": "a \u00e9\n", "stream": "stdout", "attrs": {"tag": "x"}, "time": TIME}
    assert unwrap_docker(orjson.dumps(line)) == Piece("stdout", TIME, "a é", False)
    line |= {"log": "no end", "stream": "stderr"}
    assert unwrap_docker(orjson.dumps(line) + b"\r") == Piece("stderr", TIME, "no end", True)
    assert unwrap_docker(b'{"log":"\\n","stream":"stdout"}') == Piece("stdout", None, "", False)
    assert detect(orjson.dumps(line).decode()) == "docker"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'"log"',
        b'{"log":"a\\n","time":"2026-11-23T06:55:44Z","level":"info"}',
        b'{"log":"a\\n","stream":"orders"}',
        b'{"log":"a\\n","stream":["stdout"]}',
        b'{"log":{"a":1},"stream":"stdout"}',
        b'{"log":"a\\n","stream":"stdout","time":7}',
        b'{"log":"\\ud800\\n","stream":"stdout"}',
        b'{"log":"\xff\\n","stream":"stdout"}',
        b'{"stream":"stdout","log":' + b"[" * 5000,
    ],
)
def test_not_docker(line: bytes) -> None:
    """An application's own JSON, and what is no JSON, is left as it is."""
    assert unwrap_docker(line) is None
    assert b"\xff" in line or detect(line.decode()) is None


@given(st.text(), st.binary())
def test_anything_may_stand_in_a_line(text: str, raw: bytes) -> None:
    """No text and no bytes raise; a text in a wrapping comes out as it went in."""
    unwrap_cri(text)
    unwrap_docker(raw)
    detect(text)
    wrapped = unwrap_cri(f"{TIME} stdout F {text}")
    assert wrapped is not None
    assert wrapped.text == text


POD = {"namespace": "shop", "pod": "cart-7d9f.v2-x", "pod_uid": UID, "container": "web-1"}
STATIC = {**POD, "pod_uid": "0123456789abcdef" * 2, "restart": 12}


@pytest.mark.parametrize("mount", ["/var/log", "/logs", "/host/var/log", "/a/b_c_d/0.log/x", ""])
@pytest.mark.parametrize("rotation", ["", ".20261123-065544", ".20261123-065544.gz", ".1"])
@pytest.mark.parametrize(
    ("path", "facts"),
    [
        (f"/pods/shop_cart-7d9f.v2-x_{UID}/web-1/0.log", {**POD, "restart": 0}),
        (f"/pods/shop_cart-7d9f.v2-x_{STATIC['pod_uid']}/web-1/12.log", STATIC),
        (
            f"/containers/cart-7d9f.v2-x_shop_web-1-{ID}.log",
            {
                "namespace": "shop",
                "pod": "cart-7d9f.v2-x",
                "container": "web-1",
                "container_id": ID,
            },
        ),
        (f"/containers/{ID}/{ID}-json.log", {"container_id": ID}),
    ],
)
def test_places(mount: str, rotation: str, path: str, facts: dict[str, Any]) -> None:
    """A path tells its facts at any mount point and under any rotated name."""
    assert place_of(mount + path + rotation) == facts


@pytest.mark.parametrize(
    "path",
    [
        "/var/log/nginx/access.log",
        f"/pods/shop_cart_{UID}/web/a.log",
        f"/pods/shop_cart_{UID}/web/0.txt",
        f"/pods/shop_cart_{UID}/0.log",
        f"/pods/shop_cart_{UID}x/web/0.log",
        "/pods/shop_cart_7/web/0.log",
        f"/pods/Shop_cart_{UID}/web/0.log",
        f"/pods/shop_cart_{UID}/web/٣.log",
        f"/pods/shop_cart_{UID}/web/99999999999.log",
        f"/containers/cart_shop_web-{ID[:-1]}.log",
        f"/containers/{ID}/{ID[::-1]}-json.log",
        f"/containers/{ID}/{ID}-json.log/x",
    ],
)
def test_no_places(path: str) -> None:
    """A path that only looks like one of these says nothing."""
    assert place_of(path) is None


def test_a_long_path_is_cheap() -> None:
    """A path made to confuse takes no longer than its length is worth."""
    for path in ("a_" * 50_000, "/a_b" * 25_000, "a-" * 50_000, f"{ID}/" * 1_000, "a." * 50_000):
        assert place_of(path) is None


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True)
PODS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,252}", fullmatch=True)
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
PATHS = st.one_of(
    st.builds(
        "/{}_{}_{}/{}/{}.log".format,
        LABELS,
        PODS,
        st.uuids().map(str) | HEX.map(lambda text: text[:32]),
        LABELS,
        st.integers(0, 999_999_999),
    ),
    st.builds("/{}_{}_{}-{}.log".format, PODS, LABELS, LABELS, HEX),
    HEX.map(lambda text: f"/{text}/{text}-json.log"),
)


@given(PATHS, st.from_regex(r"(\.[0-9a-z-]{1,20}){0,2}", fullmatch=True))
def test_every_place_is_valid_against_the_schema(path: str, rotation: str) -> None:
    """Rule 4: no name that Kubernetes or Docker allow breaks the entity's limits."""
    facts = place_of(path + rotation)
    assert facts
    Draft4Validator(container_schema()).validate(facts)


@given(st.text())
def test_no_path_raises(path: str) -> None:
    """File names are anything."""
    assert place_of(path) is None


def test_the_schema_is_one_that_iglu_takes() -> None:
    """Draft 4, described, and limited in all that igluctl's lint asks for."""
    schema = container_schema()
    Draft4Validator.check_schema(schema)
    own = schema["self"]
    uri = f"iglu:{own['vendor']}/{own['name']}/{own['format']}/{own['version']}"

    assert uri == CONTAINER_SCHEMA
    assert schema["description"]
    assert schema["additionalProperties"] is False
    for described in schema["properties"].values():
        assert described["description"]
        assert described["type"][1] == "null"
        assert "maxLength" in described or {"minimum", "maximum"} <= set(described)


ID = "0123456789abcdef" * 4


def test_where_docker_describes_a_container() -> None:
    """Beside the log of its json-file driver, rotated or not; other logs have no such file."""
    for name in (f"{ID}-json.log", f"{ID}-json.log.1", f"{ID}-json.log.2.gz"):
        assert docker_config(f"/any/{ID}/{name}") == f"/any/{ID}/config.v2.json"
    assert docker_config(f"/any/{ID}/app.log") is None
    assert docker_config("/var/log/pods/a_b_0123/c/0.log") is None


@pytest.mark.parametrize(
    ("config", "facts"),
    [
        (
            {"Name": "/shop-web-1", "Config": {"Image": "shop/web:2.1"}},
            {"container": "shop-web-1", "image": "shop/web:2.1"},
        ),
        ({"Name": "/" + "n" * 256, "Config": {"Image": "i" * 512}}, {"image": "i" * 512}),
        ({"Name": "", "Config": {"Image": 7}}, {}),
        ({"Name": "/a"}, {}),
        ({"Name": None, "Config": {}}, {}),
        (["Name"], {}),
    ],
)
def test_what_docker_says_of_a_container(config: Any, facts: dict[str, str]) -> None:
    """Name and image are taken if the schema takes them; anything else is left out."""
    assert facts_in(orjson.dumps(config)) == facts
    Draft4Validator(container_schema()).validate(facts)


@given(st.binary(max_size=60))
def test_what_docker_never_wrote(config: bytes) -> None:
    """Any bytes may stand in that file."""
    assert facts_in(config) == {}
