"""Snowplow Logfile Source: tails log files into Snowplow as well-structured events.

The tracker library stands here by name, and is loaded when it is asked for: the command is quick.
"""

from importlib import import_module

__version__ = "0.1.0"

_PLACES = {
    "Emitter": "emitter",
    "EventTooLargeError": "checks",
    "InvalidValueError": "checks",
    "Outcome": "outcome",
    "Receipt": "receipt",
    "SelfDescribingJson": "self_describing",
    "SnowplowHandler": "logging_handler",
    "Subject": "subject",
    "Tracker": "tracker",
}
__all__ = ["__version__", *_PLACES]  # noqa: PLE0604  # the names above


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.tracker.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
