"""Shows stored requests as Snowplow Micro shows them under ``/micro/good`` and ``/micro/bad``.

Rule 1: `rawEvent.parameters` is the tracker's map as it came, with the query string joined in.
Rule 2: `event` is the beginning of the enriched event: columns that need no enrichment, and the
self-describing data decoded, under `unstruct_event.data` and `contexts.data`.
Rule 3: newest first, also inside a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import orjson

from shipper.devcollector.record import Received, Stored
from shipper.devcollector.validate import BadRow, event_type_of, schema_of
from shipper.protocol.iglu import CONTEXTS, UNSTRUCT_EVENT
from shipper.protocol.payload import examine
from shipper.protocol.selfdescribing import Described

_COLUMNS: Final = {
    "aid": "app_id", "p": "platform", "tna": "name_tracker", "tv": "v_tracker",
    "uid": "user_id", "ip": "user_ipaddress", "duid": "domain_userid", "nuid": "network_userid",
    "tnuid": "network_userid", "vid": "domain_sessionidx", "sid": "domain_sessionid",
    "ua": "useragent", "url": "page_url", "page": "page_title", "refr": "page_referrer",
    "lang": "br_lang", "tz": "os_timezone", "cs": "doc_charset", "tid": "txn_id",
    "se_ca": "se_category", "se_ac": "se_action", "se_la": "se_label", "se_pr": "se_property",
    "se_va": "se_value", "tr_id": "tr_orderid", "tr_af": "tr_affiliation", "tr_tt": "tr_total",
    "tr_tx": "tr_tax", "tr_sh": "tr_shipping", "tr_ci": "tr_city", "tr_st": "tr_state",
    "tr_co": "tr_country", "tr_cu": "tr_currency", "ti_id": "ti_orderid", "ti_sk": "ti_sku",
    "ti_nm": "ti_name", "ti_ca": "ti_category", "ti_pr": "ti_price", "ti_qu": "ti_quantity",
    "ti_cu": "ti_currency",
}  # fmt: skip
_TIMES: Final = {
    "dtm": "dvce_created_tstamp",
    "stm": "dvce_sent_tstamp",
    "ttm": "true_tstamp",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodFilter:
    """What ``POST /micro/good`` may ask for; None asks for all."""

    event_type: str | None = None
    schema: str | None = None
    contexts: tuple[str, ...] = ()
    limit: int | None = None

    def passes(self, item: Mapping[str, Any]) -> bool:
        """Tell whether *item* is asked for."""
        return (
            (self.event_type is None or item["eventType"] == self.event_type)
            and (self.schema is None or item["schema"] == self.schema)
            and set(self.contexts) <= set(item["contexts"])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFilter:
    """What ``POST /micro/bad`` may ask for; None asks for all."""

    vendor: str | None = None
    version: str | None = None
    limit: int | None = None

    def passes(self, item: Mapping[str, Any]) -> bool:
        """Tell whether *item* is asked for."""
        api = item["collectorPayload"]["api"]
        return self.vendor in {None, api["vendor"]} and self.version in {None, api["version"]}


def good_items(stored: Iterable[Stored], wanted: GoodFilter) -> Iterator[dict[str, Any]]:
    """Yield the good events of *stored* that *wanted* lets pass."""
    items = (item for each in stored for item in _good_of(each))
    return islice(filter(wanted.passes, items), wanted.limit)


def bad_items(stored: Iterable[Stored], wanted: BadFilter) -> Iterator[dict[str, Any]]:
    """Yield the bad rows of *stored* that *wanted* lets pass."""
    items = (item for each in stored for item in _bad_of(each))
    return islice(filter(wanted.passes, items), wanted.limit)


def _good_of(stored: Stored) -> Iterator[dict[str, Any]]:
    if stored.good:
        events = _parameters(stored)
        for index in reversed(stored.good):
            yield _good_item(events[index], stored.received)


def _bad_of(stored: Stored) -> Iterator[dict[str, Any]]:
    if stored.bad:
        lost_all = any(row.index is None for row in stored.bad)
        events = [] if lost_all else _parameters(stored)
        for row in reversed(stored.bad):
            yield _bad_item(row, events, stored)


def _parameters(stored: Stored) -> list[dict[str, str]]:
    """Return the parameters of each event of a request whose envelope was in order."""
    query = dict(stored.received.query)
    body = stored.body
    events = orjson.loads(body)["data"] if body else [{}]
    return [{**event, **query} for event in events]


def _good_item(parameters: dict[str, str], received: Received) -> dict[str, Any]:
    described = examine(parameters).described
    kind = event_type_of(parameters)
    entities = [each for each in described if each.where.startswith("c")]
    return {
        "rawEvent": _raw_event(parameters, received),
        "eventType": kind,
        "schema": schema_of(kind or "", described),
        "contexts": [str(each.schema) for each in entities],
        "event": _event(parameters, received, described),
        "incomplete": False,
    }


def _bad_item(row: BadRow, events: list[dict[str, str]], stored: Stored) -> dict[str, Any]:
    payload = _payload(stored.received)
    if row.index is None:
        # Only here: beside each of many bad events the same body would stand many times.
        payload["body"] = stored.body.decode(errors="replace")
        errors = [f"{row.kind}: the whole request is one bad row", *row.errors]
        return {"collectorPayload": payload, "errors": errors}
    return {
        "collectorPayload": payload,
        "rawEvent": _raw_event(events[row.index], stored.received),
        "errors": [f"{row.kind}: event {row.index} of the request is bad", *row.errors],
    }


def _raw_event(parameters: dict[str, str], received: Received) -> dict[str, Any]:
    payload = _payload(received)
    del payload["querystring"]
    return {**payload, "parameters": parameters}


def _payload(received: Received) -> dict[str, Any]:
    return {
        "api": {"vendor": received.vendor, "version": received.version},
        "querystring": [{"name": name, "value": value} for name, value in received.query],
        "contentType": received.content_type,
        "source": {"name": "shipper-dev-collector", "encoding": "UTF-8"},
        "context": {
            "timestamp": received.at,
            "ipAddress": received.ip,
            "useragent": received.user_agent,
            "userId": received.user_id,
        },
    }


def _event(
    parameters: dict[str, str], received: Received, described: list[Described]
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event_id": parameters.get("eid", "").lower() or None,
        "event": event_type_of(parameters),
        "collector_tstamp": received.at,
        **{_COLUMNS[key]: value for key, value in parameters.items() if key in _COLUMNS},
        **{_TIMES[key]: _time(value) for key, value in parameters.items() if key in _TIMES},
    }
    unstruct = [_self_describing(each) for each in described if each.where.startswith("ue_")]
    entities = [_self_describing(each) for each in described if each.where.startswith("c")]
    if unstruct:
        event["unstruct_event"] = {"schema": UNSTRUCT_EVENT, "data": unstruct[0]}
    event["contexts"] = {"schema": CONTEXTS, "data": entities}
    return event


def _self_describing(described: Described) -> dict[str, Any]:
    return {"schema": str(described.schema), "data": described.data}


def _time(milliseconds: str) -> str:
    try:
        moment = _EPOCH + timedelta(milliseconds=int(milliseconds))
    except OverflowError:  # the year 0, which Enrich has and Python has not
        return milliseconds
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
