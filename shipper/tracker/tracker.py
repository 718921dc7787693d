"""The tracker: a method for each kind of event.

Rule 1: a wrong value raises InvalidValueError, which names the field, before anything is stored.
Rule 2: the events of one call are stored together: a transaction and its items, or nothing.
Rule 3: any thread may call any method.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypedDict, Unpack
from uuid import UUID

from shipper.tracker import interactions
from shipper.tracker.assembly import Assembly, Common, Event, shared
from shipper.tracker.checks import (
    InvalidValueError,
    Number,
    decimal,
    integer,
    number,
    optional_text,
    text,
)
from shipper.tracker.receipt import Receipt
from shipper.tracker.self_describing import SelfDescribingJson
from shipper.tracker.subject import Subject


class Sink(Protocol):
    """Where events go."""

    def add(self, events: Sequence[Event]) -> Receipt:
        """Store *events*, all or none; the receipt is that of the first."""


class PagePing(Common, total=False):
    """What a page ping may have besides: how far was scrolled since the last, in pixels."""

    min_x: int | None
    max_x: int | None
    min_y: int | None
    max_y: int | None


class Transaction(Common, total=False):
    """What a transaction may have besides."""

    affiliation: str | None
    tax_value: Number | None
    shipping: Number | None
    city: str | None
    state: str | None
    country: str | None
    currency: str | None


class Item(TypedDict, total=False):
    """An item of a transaction: `sku`, `price` and `quantity` must be there."""

    sku: str
    price: Number
    quantity: int
    name: str | None
    category: str | None
    event_id: str | UUID | None
    contexts: Iterable[SelfDescribingJson]


_PING: Final = {"min_x": "pp_mix", "max_x": "pp_max", "min_y": "pp_miy", "max_y": "pp_may"}
_PLACE: Final = {"city": "tr_ci", "state": "tr_st", "country": "tr_co", "currency": "tr_cu"}


class Tracker(interactions.Interactions):
    """Makes events and hands them to an emitter.

    `namespace`, `app_id` and `platform` stand in every event; `base64` says how self-describing
    JSON is written; `subject` is whom events are about that have none of their own.
    """

    def __init__(
        self,
        emitter: Sink,
        *,
        namespace: str = "",
        app_id: str = "",
        platform: str = "srv",
        base64: bool = True,
        subject: Subject | None = None,
    ) -> None:
        """Raises InvalidValueError."""
        if emitter is None:
            raise InvalidValueError("emitter", "is missing; it must be an Emitter")
        if not callable(getattr(emitter, "add", None)) or isinstance(emitter, set | type):
            raise InvalidValueError("emitter", f"must be an Emitter, not {emitter!r:.60}")
        self.emitter = emitter
        self.assembly = Assembly(
            namespace=namespace, app_id=app_id, platform=platform, base64=base64, subject=subject
        )
        shared(self.assembly)

    def track_page_view(
        self,
        page_url: str,
        page_title: str | None = None,
        referrer: str | None = None,
        **common: Unpack[Common],
    ) -> Receipt:
        """Track that a page was looked at."""
        return self._track("pv", _page(page_url, page_title, referrer), common)

    def track_page_ping(
        self,
        page_url: str,
        page_title: str | None = None,
        referrer: str | None = None,
        **more: Unpack[PagePing],
    ) -> Receipt:
        """Track that a page is still being looked at, and how far it was scrolled."""
        ping, common = _split(more, _PING)
        pairs = {_PING[name]: integer(name, value) for name, value in ping.items()}
        return self._track("pp", _page(page_url, page_title, referrer) | pairs, common)

    def track_struct_event(
        self,
        category: str,
        action: str,
        label: str | None = None,
        property: str | None = None,  # noqa: A002  # the protocol's own word
        value: Number | None = None,
        **common: Unpack[Common],
    ) -> Receipt:
        """Track a structured event."""
        pairs = {
            "se_ca": text("category", category),
            "se_ac": text("action", action),
            "se_la": optional_text("label", label),
            "se_pr": optional_text("property", property),
            "se_va": decimal("value", value),
        }
        return self._track("se", pairs, common)

    def track_self_describing_event(
        self, event: SelfDescribingJson, **common: Unpack[Common]
    ) -> Receipt:
        """Track an event of your own schema."""
        if event is None:
            raise InvalidValueError("event", "is missing; it must be a SelfDescribingJson")
        return self._add(self.assembly.event({"e": "ue"}, common, event))

    def track_ecommerce_transaction(
        self,
        order_id: str,
        total_value: Number,
        items: Iterable[Item] | None = (),
        **more: Unpack[Transaction],
    ) -> Receipt:
        """Track a transaction and its items, which are stored together or not at all."""
        own, common = _split(more, Transaction.__annotations__.keys() - Common.__annotations__)
        total = decimal("total_value", number("total_value", total_value))
        pairs = {
            "e": "tr",
            "tr_id": text("order_id", order_id),
            "tr_tt": total,
            "tr_af": optional_text("affiliation", own.get("affiliation")),
            "tr_tx": decimal("tax_value", own.get("tax_value")),
            "tr_sh": decimal("shipping", own.get("shipping")),
            **{key: optional_text(name, own.get(name)) for name, key in _PLACE.items()},
        }
        parent = self.assembly.event(pairs, common)
        listed = [
            self._item(number, item, order_id, pairs["tr_cu"], common)
            for number, item in enumerate(_items(items))
        ]
        return self._add(parent, *listed)

    def _item(self, number: int, item: Item, order_id: str, currency: str, common: Common) -> Event:
        where = f"items[{number}]"
        if not isinstance(item, Mapping):
            raise InvalidValueError(where, f"must be a mapping, not {type(item).__name__}")
        if unknown := item.keys() - Item.__annotations__.keys():
            raise InvalidValueError(where, f"has no field {sorted(map(str, unknown))[0]!r}")
        try:
            return self.assembly.event(
                _item_pairs(item, order_id, currency), _item_common(item, common)
            )
        except InvalidValueError as error:
            raise InvalidValueError(f"{where}.{error.field}", error.reason) from error

    def _track(self, code: str, pairs: Mapping[str, str], common: Common) -> Receipt:
        return self._add(self.assembly.event({**pairs, "e": code}, common))

    def _add(self, *events: Event) -> Receipt:
        return self.emitter.add(events)


def _page(url: str, title: str | None, referrer: str | None) -> dict[str, str]:
    return {
        "url": text("page_url", url),
        "page": optional_text("page_title", title),
        "refr": optional_text("referrer", referrer),
    }


def _items(items: Any) -> Iterable[Item]:
    """Return the items of a transaction, none for None. Raises InvalidValueError."""
    if items is None:
        return ()
    if isinstance(items, str | bytes | Mapping) or not isinstance(items, Iterable):
        said = type(items).__name__
        raise InvalidValueError("items", f"must be a list of mappings, not {said}")
    return items


def _item_pairs(item: Item, order_id: str, currency: str) -> dict[str, str | None]:
    return {
        "e": "ti",
        "ti_id": order_id,
        "ti_sk": text("sku", item.get("sku")),
        "ti_pr": decimal("price", number("price", item.get("price"))),
        "ti_qu": integer("quantity", number("quantity", item.get("quantity"))),
        "ti_nm": optional_text("name", item.get("name")),
        "ti_ca": optional_text("category", item.get("category")),
        "ti_cu": currency,
    }


def _item_common(item: Item, common: Common) -> Any:
    """Return what an item takes of its transaction, times and subject, and what it has itself."""
    taken = ("timestamp", "true_timestamp", "subject")
    own = ("event_id", "contexts")
    return {name: value for name, value in common.items() if name in taken} | {
        name: value for name, value in item.items() if name in own
    }


def _split(more: Any, names: Iterable[str]) -> tuple[dict[str, Any], Any]:
    """Return of the arguments those of *names*, and the others."""
    mine = set(names)
    return (
        {name: value for name, value in more.items() if name in mine},
        {name: value for name, value in more.items() if name not in mine},
    )
