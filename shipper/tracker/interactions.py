"""What people do on pages and screens: events of Snowplow's own schemas.

Rule 1: what is None is left out of the data; what must be there is checked like any other field.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Unpack

from shipper.protocol.atomic import is_uuid
from shipper.tracker.assembly import Common
from shipper.tracker.checks import (
    InvalidValueError,
    Number,
    integer,
    number,
    optional_text,
    text,
)
from shipper.tracker.receipt import Receipt
from shipper.tracker.self_describing import SelfDescribingJson

_SNOWPLOW: Final = "iglu:com.snowplowanalytics.snowplow"
_MOBILE: Final = "iglu:com.snowplowanalytics.mobile"
_NODES: Final = ("INPUT", "TEXTAREA", "SELECT")


class Element(Common, total=False):
    """What is known of the element that was clicked."""

    element_id: str | None
    element_classes: Sequence[str] | None
    element_target: str | None
    element_content: str | None


class Cart(Common, total=False):
    """What is known of what goes into a cart or out of it."""

    name: str | None
    category: str | None
    unit_price: Number | None
    currency: str | None


class Screen(Common, total=False):
    """What is known of a screen of an app, and of the one before."""

    type: str | None
    previous_name: str | None
    previous_id: str | None
    previous_type: str | None
    transition_type: str | None


class Change(Common, total=False):
    """What is known of the field of a form that was changed."""

    type: str | None
    element_classes: Sequence[str] | None


class Interactions:
    """The part of a tracker that knows Snowplow's schemas."""

    @abstractmethod
    def track_self_describing_event(
        self, event: SelfDescribingJson, **common: Unpack[Common]
    ) -> Receipt:
        """Track an event of a schema."""

    def track_screen_view(
        self,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  # the schema's own word
        **common: Unpack[Common],
    ) -> Receipt:
        """Track that a screen was looked at; at least one of name and id must be there."""
        if not optional_text("name", name) and not optional_text("id", id):
            raise InvalidValueError("name", "is missing, and so is id; one of both must be there")
        data = {"name": name or None, "id": id or None}
        return self._describe(f"{_SNOWPLOW}/screen_view/jsonschema/1-0-0", data, common)

    def track_mobile_screen_view(self, name: str, id: str, **more: Unpack[Screen]) -> Receipt:  # noqa: A002  # as above
        """Track that a screen of a mobile app was looked at; *id* is a UUID."""
        data = {"name": text("name", name), "id": _uuid("id", id)}
        return self._with(f"{_MOBILE}/screen_view/jsonschema/1-0-0", data, more, Screen)

    def track_timing(
        self,
        category: str,
        variable: str,
        timing: Number,
        label: str | None = None,
        **common: Unpack[Common],
    ) -> Receipt:
        """Track how many milliseconds something took."""
        data = {
            "category": text("category", category),
            "variable": text("variable", variable),
            "timing": number("timing", timing),
            "label": optional_text("label", label) or None,
        }
        return self._describe(f"{_SNOWPLOW}/timing/jsonschema/1-0-0", data, common)

    def track_link_click(self, target_url: str, **more: Unpack[Element]) -> Receipt:
        """Track that a link was clicked."""
        data = {"targetUrl": text("target_url", target_url)}
        return self._with(f"{_SNOWPLOW}/link_click/jsonschema/1-0-1", data, more, Element)

    def track_add_to_cart(self, sku: str, quantity: int, **more: Unpack[Cart]) -> Receipt:
        """Track that something was put into a cart."""
        return self._with(
            f"{_SNOWPLOW}/add_to_cart/jsonschema/1-0-0", _cart(sku, quantity), more, Cart
        )

    def track_remove_from_cart(self, sku: str, quantity: int, **more: Unpack[Cart]) -> Receipt:
        """Track that something was taken out of a cart."""
        schema = f"{_SNOWPLOW}/remove_from_cart/jsonschema/1-0-0"
        return self._with(schema, _cart(sku, quantity), more, Cart)

    def track_form_change(
        self,
        form_id: str,
        element_id: str,
        node_name: str,
        value: str | None,
        **more: Unpack[Change],
    ) -> Receipt:
        """Track that a field of a form was changed; *node_name* is the kind of its element."""
        if text("node_name", node_name) not in _NODES:
            raise InvalidValueError("node_name", f"is {node_name!r}; it must be one of {_NODES}")
        data = {
            "formId": text("form_id", form_id),
            "elementId": text("element_id", element_id),
            "nodeName": node_name,
            "value": optional_text("value", value) if value is not None else KEPT,
        }
        return self._with(f"{_SNOWPLOW}/change_form/jsonschema/1-0-0", data, more, Change)

    def track_form_submit(
        self,
        form_id: str,
        form_classes: Sequence[str] | None = None,
        elements: Sequence[Mapping[str, Any]] | None = None,
        **common: Unpack[Common],
    ) -> Receipt:
        """Track that a form was submitted."""
        data = {
            "formId": text("form_id", form_id),
            "formClasses": _texts("form_classes", form_classes),
            "elements": _elements(elements),
        }
        return self._describe(f"{_SNOWPLOW}/submit_form/jsonschema/1-0-0", data, common)

    def track_site_search(
        self,
        terms: Sequence[str],
        filters: Mapping[str, str | bool] | None = None,
        total_results: int | None = None,
        page_results: int | None = None,
        **common: Unpack[Common],
    ) -> Receipt:
        """Track that a site was searched for *terms*."""
        listed = _texts("terms", terms)
        if not listed:
            raise InvalidValueError("terms", "is missing; it must be a list of texts")
        data = {
            "terms": listed,
            "filters": _filters(filters),
            "totalResults": _count("total_results", total_results),
            "pageResults": _count("page_results", page_results),
        }
        return self._describe(f"{_SNOWPLOW}/site_search/jsonschema/1-0-0", data, common)

    def _with(self, schema: str, data: dict[str, Any], more: Any, known: Any) -> Receipt:
        """Track *data* and what there is *more* of the *known* fields, in the schema's spelling."""
        names = known.__annotations__.keys() - Common.__annotations__.keys()
        for name in names & more.keys():
            data[_camel(name)] = _checked(name, more[name])
        rest: Any = {name: value for name, value in more.items() if name not in names}
        return self._describe(schema, data, rest)

    def _describe(self, schema: str, data: Mapping[str, Any], common: Common) -> Receipt:
        present = {name: value for name, value in data.items() if value is not None}
        shown = {name: None if value is KEPT else value for name, value in present.items()}
        return self.track_self_describing_event(SelfDescribingJson(schema, shown), **common)


KEPT: Final = object()
"""Stands for a null that the schema asks for."""


def _cart(sku: str, quantity: int) -> dict[str, Any]:
    text("quantity", integer("quantity", quantity))
    return {"sku": text("sku", sku), "quantity": quantity}


def _count(field: str, value: int | None) -> int | None:
    integer(field, value)
    if value is not None and value < 0:
        raise InvalidValueError(field, f"is {value}; it must not be negative")
    return value


def _filters(filters: Mapping[str, str | bool] | None) -> Mapping[str, str | bool] | None:
    if filters is None:
        return None
    if not isinstance(filters, Mapping):
        said = type(filters).__name__
        raise InvalidValueError("filters", f"must be a mapping of texts and booleans, not {said}")
    for name, value in filters.items():
        if not isinstance(value, str | bool):
            said = f"must be a text or a boolean, not {type(value).__name__}"
            raise InvalidValueError(f"filters.{name}", said)
    return filters or None


def _elements(
    elements: Sequence[Mapping[str, Any]] | None,
) -> Sequence[Mapping[str, Any]] | None:
    if elements is None:
        return None
    if isinstance(elements, str | bytes) or not isinstance(elements, Sequence):
        said = type(elements).__name__
        raise InvalidValueError("elements", f"must be a list of mappings, not {said}")
    for n, each in enumerate(elements):
        if not isinstance(each, Mapping):
            raise InvalidValueError(
                f"elements[{n}]", f"must be a mapping, not {type(each).__name__}"
            )
    return list(elements) or None


def _checked(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_classes"):
        return _texts(name, value)
    if name == "unit_price":
        return number(name, value)
    return optional_text(name, value) or None


def _uuid(field: str, value: str) -> str:
    said = text(field, value)
    if not is_uuid(said):
        raise InvalidValueError(field, f"{said!r:.60} is no UUID")
    return said


def _texts(field: str, values: Sequence[str] | None) -> list[str] | None:
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InvalidValueError(field, f"must be a list of texts, not {type(values).__name__}")
    return [text(f"{field}[{n}]", value) for n, value in enumerate(values)] or None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
