"""One tracker payload: its keys, and every reason why Enrich would refuse it.

Rule 1: the keys are the 80 of payload_data 1-0-4. One key too many, or one value that is no
string, and Enrich refuses the whole POST that carries it.
Rule 2: every reason is told, not only the first, as ``KEY: what is wrong; what would be right``.
Rule 3: nothing raises, whatever the payload holds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from shipper.protocol import atomic
from shipper.protocol.selfdescribing import WRAPPERS, Described, kind, read

KEYS: Final = frozenset(
    (  # noqa: SIM905 - in the groups of the protocol's own list, to be compared with it
        "e eid tid tv tna aid p dtm stm ttm tz "
        "uid duid nuid tnuid vid sid ip fp mac "
        "res vp ds cd cs lang ua cookie url page refr ctype "
        "f_pdf f_qt f_realp f_wma f_dir f_fla f_java f_gears f_ag "
        "se_ca se_ac se_la se_pr se_va "
        "ue_na ue_pr ue_px co cx "
        "pp_mix pp_max pp_miy pp_may "
        "tr_id tr_af tr_tt tr_tx tr_sh tr_ci tr_st tr_co tr_cu "
        "ti_id ti_sk ti_nm ti_na ti_ca ti_pr ti_qu ti_cu "
        "ad_ba ad_ca ad_ad ad_uid sa sn st sp"
    ).split()
)
"""The properties of payload_data 1-0-4; it allows no others."""

REQUIRED: Final = ("tv", "p", "e")
PLATFORMS: Final = atomic.PLATFORMS
EVENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pv": "page_view",
        "pp": "page_ping",
        "se": "struct",
        "ue": "unstruct",
        "tr": "transaction",
        "ti": "transaction_item",
        "ev": "struct",
    }
)
"""Name of the event by its code. Enrich knows ``ad`` too, but finds no schema for it: refused."""

MAX_DEPTH: Final = 40

_TOLD_KEYS = 10


class Examined(NamedTuple):
    """The reasons against a payload, and the self-describing JSON found in it."""

    reasons: list[str]
    described: list[Described]


def check_payload(payload: Mapping[str, Any], *, max_depth: int = MAX_DEPTH) -> list[str]:
    """Return every reason why Enrich would refuse *payload*; an empty list if it would take it.

    Not looked at: whether self-describing data keeps its schema, which needs the schema.
    """
    return envelope_reasons(payload) + examine(payload, max_depth=max_depth).reasons


def envelope_reasons(payload: Mapping[str, Any]) -> list[str]:
    """Return why *payload* breaks payload_data 1-0-4, which costs the whole POST."""
    reasons = [f"{key}: is missing; it is required" for key in REQUIRED if key not in payload]
    if not payload.keys() <= KEYS:
        reasons += _unknown_keys(payload)
    reasons += [
        f"{key}: must be a string, not {kind(value)}{_quoted(key, value)}"
        for key, value in payload.items()
        if not isinstance(value, str) and key in KEYS
    ]
    return reasons


def examine(payload: Mapping[str, Any], *, max_depth: int = MAX_DEPTH) -> Examined:
    """Look at the values of *payload*. Unknown keys and values that are no strings are skipped."""
    reasons: list[str] = []
    described: list[Described] = []
    for key, value in payload.items():
        if not isinstance(value, str):
            continue
        if key in WRAPPERS:
            found, wrong = read(key, value, max_depth)
            described += found
            reasons += wrong
        elif check := _CHECKS.get(key):
            reasons += check(key, value)
    return Examined(reasons, described)


def _unknown_keys(payload: Mapping[str, Any]) -> list[str]:
    unknown = [key for key in payload if key not in KEYS]
    reasons = [_unknown_key(key) for key in unknown[:_TOLD_KEYS]]
    if len(unknown) > _TOLD_KEYS:
        reasons.append(f"{len(unknown) - _TOLD_KEYS} more unknown keys")
    return reasons


def _unknown_key(key: str) -> str:
    near = difflib.get_close_matches(key[:40].lower(), KEYS, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "; put own data into ue_pr, ue_px, co or cx"
    return f"{key[:40]}: is no key of payload_data 1-0-4{hint}"


def _quoted(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'; write "{key}": "{int(value)}"'
    return f'; write "{key}": "{str(value)[:40]}"' if isinstance(value, int | float) else ""


_Check = Callable[[str, str], list[str]]


def _shown(value: str) -> str:
    return repr(value) if len(value) <= 60 else f"{value[:60]!r}…"


def _text(key: str, value: str) -> list[str]:
    length = atomic.too_long(key, value)
    if not length:
        return []
    return [f"{key}: has {length} characters; its column holds {atomic.LIMITS[key]}"]


def _must(test: Callable[[str], bool], right: str, *, null: bool = False) -> _Check:
    """Make a check out of a test. With *null* the word ``null`` passes, as Enrich lets it."""

    def check(key: str, value: str) -> list[str]:
        if test(value) or (null and value.lower() == "null"):
            return []
        return [f"{key}: {_shown(value)} is not allowed; it must be {right}"]

    return check


def _address(complaint: Callable[[str], str]) -> _Check:
    def check(key: str, value: str) -> list[str]:
        wrong = complaint(value)
        refused = [f"{key}: {_shown(value)} {wrong}; it must be an address"] if wrong else []
        return _text(key, value) + refused

    return check


_UUID_FORM = "a UUID such as 0f8e5c1a-77d2-5d43-9c1e-2b7a4f60d913"
_TIME_FORM = "milliseconds since 1970 as a whole number, in the years 0 to 9999"
_INT32_FORM = "a whole number of 32 bits"
_DECIMAL_FORM = "a decimal number such as 12.50"

_CHECKS: Final[Mapping[str, _Check]] = {
    **dict.fromkeys(atomic.LIMITS, _text),
    "e": _must(EVENT_TYPES.__contains__, f"one of {', '.join(EVENT_TYPES)}"),
    "p": _must(PLATFORMS.__contains__, f"one of {', '.join(sorted(PLATFORMS))}"),
    **dict.fromkeys(("eid", "sid"), _must(atomic.is_uuid, _UUID_FORM)),
    **dict.fromkeys(("dtm", "stm", "ttm"), _must(atomic.is_time, _TIME_FORM)),
    "tid": _must(atomic.is_int32, _INT32_FORM),
    **dict.fromkeys(
        ("vid", "ti_qu", "pp_mix", "pp_max", "pp_miy", "pp_may"),
        _must(atomic.is_int32, _INT32_FORM, null=True),
    ),
    **dict.fromkeys(
        ("se_va", "tr_tt", "tr_tx", "tr_sh", "ti_pr"),
        _must(atomic.is_decimal, _DECIMAL_FORM, null=True),
    ),
    **dict.fromkeys(("res", "vp", "ds"), _must(atomic.is_size, "a size such as 1280x800")),
    **dict.fromkeys(atomic.FLAGS, _must(atomic.is_flag, "1 or 0")),
    "url": _address(atomic.page_complaint),
    "refr": _address(atomic.referrer_complaint),
}
