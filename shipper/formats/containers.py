r"""What container runtimes put round each line, and what their paths say about the container.

Rule 1: a line that its runtime's format does not explain is left alone: it is plain text.
Rule 2: only what the runtimes write is taken for theirs (streams are stdout and stderr), so that
        an application's own JSON log is not unwrapped by mistake, and nobody who writes a log can
        open more than two streams.
Rule 3: a path that does not follow the conventions to the letter says nothing, however much it
        looks like one.
Rule 4: everything that `place_of` and `facts_in` return is valid against `container_schema`.

Docker writes one JSON object a write of at most 16 KiB; the last one of a line has the LF in its
text. CRI (containerd, CRI-O, Podman) writes time, stream, tags and text, parted by one space; the
first tag is P for a piece and F for the last or only one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import orjson

Format = Literal["docker", "cri"]

CONTAINER_SCHEMA: Final = "iglu:org.logfilesource/container/jsonschema/1-0-0"

_META_SCHEMA = (
    "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
)

_CRI = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) "
    r"([FP])(?::[^ ]*)?(?: |\Z)",
    re.ASCII,
)


class Piece(NamedTuple):
    """A line without its wrapping. `partial`: the rest of the line is in the stream's next piece.

    `time` is the runtime's own time of the piece, as text, or None.
    """

    stream: str
    time: str | None
    text: str
    partial: bool


Unwrap = Callable[[bytes, str], Piece | None]


def unwrap_docker(raw: bytes) -> Piece | None:
    """Return the piece in a line of Docker's json-file driver, None if *raw* is something else."""
    try:
        entry = orjson.loads(raw)
        stream, text, time = entry["stream"], entry["log"], entry.get("time")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if stream not in ("stdout", "stderr") or type(text) is not str:
        return None
    if type(time) is not str and time is not None:
        return None
    if text.endswith("\n"):
        # A terminal ends its lines with CR LF; framing drops that CR from plain lines, too.
        return Piece(stream, time, text[:-1].removesuffix("\r"), False)
    return Piece(stream, time, text, True)


def unwrap_cri(text: str) -> Piece | None:
    """Return the piece in a line in the CRI format, None if *text* is something else."""
    found = _CRI.match(text)
    if found is None:
        return None
    time, stream, tag = found.groups()
    return Piece(stream, time, text[found.end() :], tag == "P")


def detect(text: str) -> Format | None:
    """Tell which runtime wrote the line *text*, by its content alone."""
    if unwrap_cri(text):
        return "cri"
    if text[:1] == "{" and unwrap_docker(text.encode("utf-8", "replace")):
        return "docker"
    return None


def _either(raw: bytes, text: str) -> Piece | None:
    first = text[:1]
    if first == "{":
        # Most JSON logs are an application's own; the search is cheaper than parsing them twice.
        return unwrap_docker(raw) if b'"stream"' in raw else None
    return unwrap_cri(text) if "0" <= first <= "9" else None


UNWRAP: Final[Mapping[str, Unwrap]] = {
    "auto": _either,
    "docker": lambda raw, _: unwrap_docker(raw),
    "cri": lambda _, text: unwrap_cri(text),
}
"""(raw line, its text) → its piece, by the name of the format; auto decides line by line."""


# Names are DNS labels (RFC 1123) of at most 63 characters, those of pods up to 253 with dots.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_POD = r"(?P<pod>[a-z0-9][a-z0-9.-]{0,252})"
_ID = r"(?P<container_id>[0-9a-f]{64})"
# A pod of the API server has a UUID, one from a node's manifest file the hash of that file.
_UID = r"(?P<pod_uid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,64})"
_ROTATED = r"(?:\.[^/]{1,100})?"
_NAMESPACE = f"(?P<namespace>{_LABEL})"
_CONTAINER = f"(?P<container>{_LABEL})"

_PLACES = tuple(
    re.compile(f"(?:.*/)?{tail}{_ROTATED}", re.ASCII | re.DOTALL)
    for tail in (
        rf"{_NAMESPACE}_{_POD}_{_UID}/{_CONTAINER}/(?P<restart>\d{{1,9}})\.log",
        rf"{_POD}_{_NAMESPACE}_{_CONTAINER}-{_ID}\.log",
        rf"{_ID}/(?P=container_id)-json\.log",
    )
)


_DOCKER = _PLACES[-1]
_LONGEST: Final = {"container": 255, "image": 512}


def place_of(path: str) -> dict[str, Any] | None:
    """Return what *path* says about the container that writes the log, None if it says nothing.

    Kubernetes: ``PODS/NAMESPACE_POD_UID/CONTAINER/RESTART.log`` and
    ``CONTAINERS/POD_NAMESPACE_CONTAINER-ID.log``; Docker: ``CONTAINERS/ID/ID-json.log``; at any
    mount point, with whatever a rotation adds to the name.
    """
    for place in _PLACES:
        found = place.fullmatch(path)
        if found:
            facts: dict[str, Any] = found.groupdict()
            if "restart" in facts:
                facts["restart"] = int(facts["restart"])
            return facts
    return None


def docker_config(log: str) -> str | None:
    """Return the path of the file in which Docker describes the container whose *log* it is."""
    return f"{log.rpartition('/')[0]}/config.v2.json" if _DOCKER.fullmatch(log) else None


def facts_in(config: bytes) -> dict[str, str]:
    """Return the container's name and image out of Docker's own description of it.

    What is missing, of another type, or too long for `container_schema` is left out.
    """
    try:
        told = orjson.loads(config)
        facts = {"container": told["Name"].removeprefix("/"), "image": told["Config"]["Image"]}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {
        name: fact
        for name, fact in facts.items()
        if type(fact) is str and 0 < len(fact) <= _LONGEST[name]
    }


def container_schema() -> dict[str, Any]:
    """Return the Iglu schema, draft 4, of the entity that says where a log comes from."""
    vendor, name, format_, version = CONTAINER_SCHEMA.removeprefix("iglu:").split("/")
    restart = {
        "type": ["integer", "null"],
        "description": "How often the container had been restarted in its pod",
        "minimum": 0,
        "maximum": 2147483647,
    }
    return {
        "$schema": _META_SCHEMA,
        "description": "The container that wrote a log, as far as its path and the runtime tell",
        "self": {"vendor": vendor, "name": name, "format": format_, "version": version},
        "type": "object",
        "properties": {
            "namespace": _text("Kubernetes namespace of the pod", 63),
            "pod": _text("Name of the pod", 253),
            "pod_uid": _text("Unique id of the pod, or the hash of a static pod's manifest", 64),
            "container": _text("Name of the container", _LONGEST["container"]),
            "container_id": _text("Id that the container runtime gave, in hexadecimal", 64),
            "image": _text("Image that the container runs, where it is known", _LONGEST["image"]),
            "restart": restart,
            "stream": {
                "type": ["string", "null"],
                "description": "Stream of the container that the record was written to",
                "enum": ["stdout", "stderr", None],
                "maxLength": 6,
            },
        },
        "additionalProperties": False,
    }


def _text(description: str, longest: int) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": description, "maxLength": longest}
