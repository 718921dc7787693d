"""The conversion words of log4j 1, log4j 2 and logback: which field each one is.

Rule 1: names are the project's vocabulary where it has one.
Rule 2: the texts for no value are what the frameworks write: ``?`` for an unknown place.
"""

from __future__ import annotations

from typing import Final

# Field, kind, description, texts for no value.
Meaning = tuple[str, str, str, tuple[str, ...]]

_PLACE: Final = ("?", "")
_MAYBE: Final = ("",)


def _words(words: str, field: str, kind: str, description: str, *none: str) -> dict[str, Meaning]:
    return dict.fromkeys(words.split(), (field, kind, description, none))


WORDS: Final[dict[str, Meaning]] = {
    **_words("c lo logger", "logger", "logger", "name of the logger"),
    **_words("C class", "class", "logger", "class that logged", *_PLACE),
    **_words("F file", "file", "file", "source file", *_PLACE),
    **_words("L line", "line", "count", "line of the source file", *_PLACE),
    **_words("M method", "function", "function", "method that logged", *_PLACE),
    **_words("p le level", "level", "level", "level"),
    **_words("t tn thread threadName", "thread", "thread", "name of the thread"),
    **_words("T tid threadId", "tid", "count", "id of the thread"),
    **_words("tp threadPriority", "thread_priority", "count", "priority of the thread"),
    **_words("r relative", "elapsed_ms", "count", "milliseconds since the program started"),
    **_words("pid processId", "pid", "pid", "process id", *_MAYBE),
    **_words("x NDC", "ndc", "short", "nested diagnostic context", *_MAYBE),
    **_words("X mdc MDC", "mdc", "short", "mapped diagnostic context", *_MAYBE),
    **_words("K map MAP", "map", "short", "map of the message", *_MAYBE),
    **_words("kvp", "pairs", "short", "key-value pairs of the event", *_MAYBE),
    **_words("marker markerSimpleName", "marker", "short", "marker", *_MAYBE),
    **_words("sn sequenceNumber lsn", "sequence_number", "count", "number of the event"),
    **_words("N nano", "nanos", "count", "System.nanoTime()"),
    **_words("u uuid", "uuid", "uuid", "id of the event"),
    **_words("fqcn", "fqcn", "logger", "class that logged for others"),
    **_words("endOfBatch", "end_of_batch", "level", "true for the last event of a batch"),
    **_words("cn contextName", "context", "file", "name of the logger context", *_MAYBE),
    **_words("applicationName", "application", "short", "name of the application", *_MAYBE),
    **_words("correlationId", "correlation_id", "short", "id of the trace", *_MAYBE),
}

KEYED: Final = {
    **dict.fromkeys(["X", "mdc", "MDC"], "value of {} in the mapped diagnostic context"),
    **dict.fromkeys(["K", "map", "MAP"], "value of {} in the message's map"),
    "property": "property {}",
}
"""Words that take a key, whose value they write."""

MESSAGE: Final = frozenset(["m", "msg", "message"])
DATE: Final = frozenset(["d", "date"])
BREAK: Final = "n"
CALLER: Final = frozenset(["l", "location"])
THROWABLE: Final = frozenset(
    [
        *("ex", "exception", "throwable", "xEx", "xException", "xThrowable", "xwEx", "wEx", "wex"),
        *("xwException", "xwThrowable", "rEx", "rException", "rThrowable", "rootException", "xwex"),
    ]
)
NO_THROWABLE: Final = frozenset(["nopex", "nopexception"])

COLOURS: Final = frozenset(
    [
        *("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray"),
        *("boldRed", "boldGreen", "boldYellow", "boldBlue", "boldMagenta", "boldCyan", "boldWhite"),
        *("highlight", "style", "clr"),
    ]
)
"""Words that write what they wrap, in colour where there is any."""

WRAPPERS: Final = frozenset(["enc", "encode", "maxLen", "maxLength", "replace"])
"""Words that change the text of what they wrap, but leave it in its place."""

OPTIONAL: Final = frozenset(["notEmpty", "varsNotEmpty", "variablesNotEmpty"])
"""Words that write what they wrap, or nothing."""

WRAPPING: Final = COLOURS | WRAPPERS | OPTIONAL

ALL: Final = sorted(
    [
        *WORDS, *KEYED, *MESSAGE, *DATE, BREAK, *CALLER, *THROWABLE, *NO_THROWABLE,
        *WRAPPING,
    ],
    key=len, reverse=True,
)  # fmt: skip
"""All words, the longest first: of several that fit the longest counts."""
