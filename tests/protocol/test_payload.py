"""Every reason why Enrich would refuse a payload is told, and no other."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT
from shipper.protocol.payload import KEYS, check_payload

GOOD = {
    "e": "ue",
    "eid": "0f8e5c1a-77d2-5d43-9c1e-2b7a4f60d913",
    "dtm": "1795417200123",
    "p": "srv",
    "tv": "test-1",
}
INNER = {"schema": "iglu:com.example/order_placed/jsonschema/1-0-0", "data": {"total": 12}}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


def described(schema: str, data: Any) -> str:
    return orjson.dumps({"schema": schema, "data": data}).decode()


def encoded(text: str, *, urlsafe: bool = True, padded: bool = True) -> str:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    return encode(text.encode()).decode() if padded else encode(text.encode()).decode().rstrip("=")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_payload_data_has_eighty_keys() -> None:
    """The list is complete: 75 keys of 1-0-0 and five that came later."""
    assert len(KEYS) == 80
    assert {"ua", "tnuid", "sid", "stm", "ttm"} <= KEYS


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"stm": "1795417200999", "ttm": "-62167219200000"},
        {"ue_pr": described(UNSTRUCT_EVENT, INNER)},
        {"ue_px": encoded(described(UNSTRUCT_EVENT, INNER))},
        {"ue_px": encoded(described(UNSTRUCT_EVENT, INNER), padded=False)},
        {"ue_px": encoded(described(UNSTRUCT_EVENT, INNER | {"data": "~~~???"}), urlsafe=False)},
        {"co": described(CONTEXTS, [INNER, INNER])},
        {"cx": encoded(described(CONTEXTS.replace("1-0-1", "1-0-0"), []))},
        {"e": "se", "se_ca": "a", "se_ac": "b", "se_va": "null"},
        {"e": "pv", "url": "https://example.com/a b", "refr": "-", "page": ""},
        {"eid": "0F8E5C1A-77D2-5D43-9C1E-2B7A4F60D913", "vid": "NULL", "tid": "+5"},
        {"ip": "not looked at by Enrich", "p": "headset", "cookie": "0", "res": "0x0"},
    ],
)
def test_what_enrich_takes_is_not_blamed(more: dict[str, str]) -> None:
    """A good payload has no reasons against it."""
    assert check_payload(GOOD | more) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"stn": "1"}, "stn: is no key of payload_data 1-0-4; did you mean 'st'?"),
        ({"eidd": "1"}, "did you mean 'eid'?"),
        ({"zzzzzzzz": "1"}, "zzzzzzzz: is no key of payload_data 1-0-4; put own data into"),
        (
            {"dtm": 1795417200123},
            'dtm: must be a string, not a number; write "dtm": "1795417200123"',
        ),
        ({"cookie": True}, 'not a boolean; write "cookie": "1"'),
        ({"uid": None}, "uid: must be a string, not null"),
        ({"co": [INNER]}, "co: must be a string, not an array"),
        ({"e": "pageview"}, "e: 'pageview' is not allowed; it must be one of pv, pp, se, ue"),
        ({"e": "ad"}, "e: 'ad' is not allowed"),
        ({"p": "server"}, "p: 'server' is not allowed; it must be one of app,"),
        ({"eid": "0f8e5c1a77d25d439c1e2b7a4f60d913"}, "must be a UUID"),
        ({"sid": "x" * 500}, "must be a UUID"),
        ({"dtm": "1795417200.123"}, "milliseconds since 1970"),
        ({"dtm": ""}, "milliseconds since 1970"),
        ({"ttm": "253402300800000"}, "years 0 to 9999"),
        ({"stm": "9" * 30}, "years 0 to 9999"),
        ({"tid": "null"}, "tid: 'null' is not allowed; it must be a whole number of 32 bits"),
        ({"pp_mix": "1.5"}, "32 bits"),
        ({"se_va": "12,50"}, "decimal number"),
        ({"vp": "1280*800"}, "a size such as"),
        ({"f_pdf": "yes"}, "1 or 0"),
        ({"aid": "a" * 256}, "aid: has 256 characters; its column holds 255"),
        ({"url": "http://exa<mple.com/"}, "url: 'http://exa<mple.com/' has a character"),
        ({"refr": "http://"}, "refr: 'http://' names no host"),
    ],
)
def test_what_enrich_refuses_is_told(more: dict[str, Any], says: str) -> None:
    """One fault makes one reason, which names the key and what would be right."""
    (reason,) = check_payload(GOOD | more)

    assert says in reason


def test_what_is_missing_is_told() -> None:
    """tv, p and e are required."""
    assert [reason.split(":")[0] for reason in check_payload({})] == ["tv", "p", "e"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ue_pr": "{"}, "ue_pr: its text is not JSON"),
        ({"ue_pr": ""}, "ue_pr: its text is not JSON"),
        ({"ue_pr": "[" * 50_000}, "ue_pr: its text is not JSON"),
        ({"ue_px": "e y"}, "ue_px: is not base64: the character ' ' at position 2"),
        ({"ue_px": "e y"}, "%2B"),
        ({"ue_px": "eyJ9=eyJ9"}, "character '='"),
        ({"ue_px": "eyJ9e"}, "cut off after 5 characters"),
        ({"cx": "gICA"}, "cx: its decoded text is not JSON"),
        ({"ue_pr": "[]"}, "ue_pr: must be an object of 'schema' and 'data', not an array"),
        ({"ue_pr": '{"data": 1}'}, "'schema' is missing"),
        ({"ue_pr": '{"schema": "x", "data": 1, "more": 2}'}, "'more' may not stand there"),
        ({"ue_pr": described("iglu:a/b", {})}, "ue_pr: its 'schema' 'iglu:a/b' is not an Iglu URI"),
        (
            {"ue_pr": described(CONTEXTS, [])},
            f"outer schema is {CONTEXTS}; it must be {UNSTRUCT_EVENT}",
        ),
        ({"ue_pr": described(UNSTRUCT_EVENT, [INNER])}, "ue_pr.data: must be an object"),
        ({"ue_pr": described(UNSTRUCT_EVENT, {"schema": 5, "data": 1})}, "not a number"),
        ({"co": described(CONTEXTS, INNER)}, "co.data: must be an array of self-describing JSON"),
        ({"co": described(CONTEXTS, [INNER, 5])}, "co.data[1]: must be an object"),
        ({"co": described(CONTEXTS, [{**INNER, "id": 1}])}, "co.data[0]: must have the keys"),
    ],
)
def test_broken_self_describing_json_is_told(more: dict[str, str], says: str) -> None:
    """The reason names the key and the JSON path of what is wrong."""
    (reason,) = check_payload(GOOD | more)

    assert says in reason


def test_depth_is_limited() -> None:
    """Forty levels pass, the wrapper's two included; one more does not."""
    deep = described(UNSTRUCT_EVENT, INNER | {"data": nested(38)})
    deeper = described(UNSTRUCT_EVENT, INNER | {"data": nested(39)})

    assert check_payload(GOOD | {"ue_pr": deep}) == []
    assert "is 41 levels deep; at most 40" in check_payload(GOOD | {"ue_px": encoded(deeper)})[0]
    assert check_payload(GOOD | {"ue_pr": deeper}, max_depth=41) == []


def test_many_brackets_in_a_text_are_not_depth() -> None:
    """Brackets inside of strings do not count."""
    brackets = described(UNSTRUCT_EVENT, INNER | {"data": {"line": "[{" * 100}})

    assert check_payload(GOOD | {"ue_pr": brackets}) == []


def test_all_reasons_are_told_at_once() -> None:
    """Three faults make three reasons; a flood of unknown keys is summed up."""
    assert len(check_payload(GOOD | {"eid": "x", "dtm": "y", "vp": "z"})) == 3
    flood = check_payload(GOOD | {f"key{number}": "" for number in range(5_000)})
    assert len(flood) == 11
    assert flood[-1] == "4990 more unknown keys"


@given(st.dictionaries(st.sampled_from(sorted(KEYS)) | st.text(max_size=8), JSON, max_size=6))
def test_any_object_gets_an_answer(payload: dict[str, Any]) -> None:
    """Whatever a payload holds, the check answers with sentences."""
    assert all(": " in reason for reason in check_payload(payload))


@given(JSON)
def test_any_data_passes_in_both_encodings(data: Any) -> None:
    """The encoding changes nothing: plain and base64 are judged the same."""
    text = described(UNSTRUCT_EVENT, INNER | {"data": data})
    plain = check_payload(GOOD | {"ue_pr": text})

    assert plain == []
    assert check_payload(GOOD | {"ue_px": encoded(text)}) == plain
