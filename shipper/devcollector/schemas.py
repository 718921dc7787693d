"""Where the development collector finds Iglu schemas, and how it holds data against them.

Rule 1: a schema file is read again when it has changed, so that one can edit and try at once.
Rule 2: a broken schema file is an error that names the file, never a schema that allows all.
Rule 3: no network: a ``$ref`` to another document can't be followed and says so.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from shipper.devcollector.formats import checker
from shipper.errors import UsageError
from shipper.protocol.iglu import ANYTHING, CONTEXTS, UNSTRUCT_EVENT, SchemaKey

_MOST_ERRORS = 10


class UnusableSchemaError(ValueError):
    """A schema was found but can't be used; the message names it and says why."""


class SchemaSource(Protocol):
    """A place to look schemas up."""

    def find(self, key: SchemaKey, /) -> dict[str, Any] | None:
        """Return the schema, None if it is not here. Raises UnusableSchemaError."""

    def describe(self) -> str:
        """Tell where `find` looks, in words that complete "looked in …"."""


class Directory:
    """Static Iglu registries on disk: ``DIR/schemas/VENDOR/NAME/jsonschema/VERSION``."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._roots = tuple(paths)
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}
        for root in self._roots:
            if not root.is_dir():
                remedy = "name the directory that holds schemas/VENDOR/NAME/jsonschema/VERSION"
                raise UsageError(f"the schema directory {root} does not exist", remedy)

    def find(self, key: SchemaKey, /) -> dict[str, Any] | None:
        """Return the schema from the first root that has it."""
        for root in self._roots:
            for file in (root / "schemas" / key.path, root / key.path):
                if _exists(file):
                    return self._load(file, key)
        return None

    def describe(self) -> str:
        """Name the roots."""
        return ", ".join(f"{root}/schemas" for root in self._roots)

    def _load(self, file: Path, key: SchemaKey) -> dict[str, Any]:
        try:
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            known = self._read.get(file)
            if known is None or known[0] != stamp:
                known = self._read[file] = stamp, orjson.loads(file.read_bytes())
        except OSError as error:
            raise UnusableSchemaError(f"{file} can't be read: {error.strerror}") from error
        except orjson.JSONDecodeError as error:
            raise UnusableSchemaError(f"{file} is not JSON: {error}") from error
        _check_self(known[1], key, str(file))
        return known[1]


def _exists(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # whoever sends events chooses the schemas' names
            return False
        raise UnusableSchemaError(f"{file} can't be read: {error.strerror}") from error


class Memory:
    """Schemas that the caller has, by their URI. `name` says in messages what they are."""

    def __init__(
        self, schemas: Mapping[str, Mapping[str, Any]], *, name: str = "the schemas built in"
    ) -> None:
        self._schemas = {SchemaKey.parse(uri): dict(each) for uri, each in schemas.items()}
        self._name = name

    def find(self, key: SchemaKey, /) -> dict[str, Any] | None:
        """Return the schema that was given under *key*."""
        return self._schemas.get(key)

    def describe(self) -> str:
        """Name the collection and its size."""
        return f"{self._name} ({len(self._schemas)})"


class Several:
    """Sources asked in turn; the first that knows a schema answers."""

    def __init__(self, *sources: SchemaSource) -> None:
        self._sources = sources

    def find(self, key: SchemaKey, /) -> dict[str, Any] | None:
        """Return the schema from the first source that has it."""
        found = (source.find(key) for source in self._sources)
        return next((schema for schema in found if schema is not None), None)

    def describe(self) -> str:
        """Name all sources."""
        return ", ".join(source.describe() for source in self._sources)


_DESCRIBED: Final = {
    "type": "object",
    "properties": {"schema": {"type": "string", "pattern": "^iglu:"}, "data": {}},
    "required": ["schema", "data"],
    "additionalProperties": False,
}
_BUILT_IN = Memory(
    {
        UNSTRUCT_EVENT: _DESCRIBED,
        CONTEXTS: {"type": "array", "items": _DESCRIBED},
        CONTEXTS.replace("1-0-1", "1-0-0"): {"type": "array", "items": _DESCRIBED},
        ANYTHING: {},
    }
)


def violations(key: SchemaKey, data: Any, schemas: SchemaSource) -> list[str]:
    """Return how *data* breaks the schema *key*, each as ``PATH: what``; PATH may be empty.

    A schema that is not found or can't be used is a violation too, as it is in Enrich.
    """
    try:
        schema = _BUILT_IN.find(key)
        schema = schemas.find(key) if schema is None else schema
        if schema is None:
            return [_not_found(key, schemas)]
        errors = islice(_compiled(schema, key).iter_errors(data), _MOST_ERRORS)
        return [_told(error, key) for error in errors]
    except UnusableSchemaError as error:
        return [f": the schema {key} can't be used: {error}"]
    except Unresolvable as error:
        return [f": the schema {key} refers to {error.ref}, which can't be followed from here"]
    except (re.error, RecursionError, TypeError, ArithmeticError) as error:
        return [f": the schema {key} can't be used: {error}"]


def _not_found(key: SchemaKey, schemas: SchemaSource) -> str:
    return (
        f": the schema {key} was not found; looked in {schemas.describe()}; "
        f"put it into a schema directory as schemas/{key.path}, or correct the name"
    )


def _told(error: ValidationError, key: SchemaKey) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    message = error.message if len(error.message) <= 300 else f"{error.message[:300]}…"
    return f"{path[:200]}: {message} (by {key})"


def _check_self(schema: Any, key: SchemaKey, where: str) -> None:
    if not isinstance(schema, dict):
        raise UnusableSchemaError(f"{where} holds no JSON object")
    named = schema.get("self")
    wanted = {
        "vendor": key.vendor,
        "name": key.name,
        "format": key.format,
        "version": key.version,
    }
    if named != wanted:
        said = orjson.dumps(named).decode()[:200]
        raise UnusableSchemaError(f"{where} has a 'self' that does not agree with its path: {said}")


class _Compiled:
    """Validators by schema object; a bounded number, forgotten all at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: dict[int, tuple[dict[str, Any], Draft4Validator]] = {}

    def __call__(self, schema: dict[str, Any], key: SchemaKey) -> Draft4Validator:
        known = self._made.get(id(schema))  # the entry holds the schema, so its id stays its own
        if known is None:
            if len(self._made) >= self._most:
                self._made.clear()
            known = self._made[id(schema)] = schema, _compile(schema, key)
        return known[1]


_compiled = _Compiled(1_000)
_FORMATS = checker()


def _compile(schema: dict[str, Any], key: SchemaKey) -> Draft4Validator:
    plain = {name: value for name, value in schema.items() if name not in {"$schema", "self"}}
    try:
        Draft4Validator.check_schema(plain)
    except SchemaError as error:
        path = "/".join(map(str, error.path)) or "its root"
        raise UnusableSchemaError(
            f"{key} is no JSON Schema, draft 4: {path}: {error.message[:200]}"
        ) from error
    return Draft4Validator(plain, registry=Registry(), format_checker=_FORMATS)


def told_at(where: str, found: Iterable[str]) -> Iterator[str]:
    """Prefix each of *found* (from `violations`) with the place where the data stands."""
    return (f"{where}{each}" for each in found)
