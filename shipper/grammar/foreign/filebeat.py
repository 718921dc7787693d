"""Filebeat's inputs, and the ingest pipelines that its modules are made of, as grammars.

Rule 1: a processor, a parser or a key that has no counterpart is a Loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shipper.errors import DataError
from shipper.formats import located_yaml
from shipper.formats.located_yaml import Located, LocatedYamlError, Path_
from shipper.grammar.foreign.chains import Body, grammars_of
from shipper.grammar.foreign.filebeat_words import (
    BEAT,
    INGEST,
    Settings,
    Words,
    listed,
    mapping,
    parser_hint,
)
from shipper.grammar.foreign.logstash_syntax import Branch, Plugin, Setting
from shipper.grammar.foreign.parts import Foreign, Lose
from shipper.grammar.patterns import PatternBook

_NEUTRAL: Final = frozenset(
    [
        "if",
        "when",
        "ignore_missing",
        "ignore_failure",
        "fail_on_error",
        "tag",
        "description",
        "test",
    ]
)


def read_filebeat(text: str, file: str, book: PatternBook, lose: Lose) -> Iterator[Foreign]:
    """Yield the grammars of a configuration of Filebeat's, or of an ingest pipeline.

    *lose* is told what was not taken over. Raises DataError if it is neither.
    """
    try:
        located = located_yaml.parse(text, file)
    except LocatedYamlError as error:
        raise DataError("\n".join(map(str, error.problems)), "mend the file") from error
    bodies = list(_Reader(located, lose).bodies())
    yield from grammars_of(bodies, file, book, lose)


class _Reader:
    """Reads one file."""

    def __init__(self, located: Located, lose: Lose) -> None:
        self._located = located
        self._lose = lose

    def bodies(self) -> Iterator[Body]:
        """Yield the processors of each input, or those of the pipeline. Raises DataError."""
        data, path = self._located.data, tuple[str | int, ...]()
        if isinstance(data, dict) and isinstance(data.get("filebeat"), dict):
            data, path = data["filebeat"], ("filebeat",)
        named = data if isinstance(data, dict) else {}
        key = next((key for key in ("filebeat.inputs", "inputs") if key in named), None)
        if key is not None:
            shared = self._processors(self._located.data.get("processors"), ("processors",), BEAT)
            yield from self._inputs(data[key], (*path, key), shared)
            self._tell_rest(data, path, key)
        elif isinstance(named.get("processors"), list):
            yield self._processors(data["processors"], (*path, "processors"), INGEST)
            self._tell_rest(data, path, "processors")
        elif isinstance(data, list):
            yield from self._inputs(data, path, [])
        else:
            what = f"{self._located.name} has neither filebeat.inputs: nor processors:"
            raise DataError(what, "name a filebeat.yml, or an ingest pipeline")

    def _tell_rest(self, data: Settings, path: Path_, known: str) -> None:
        for key in data:
            if key not in (known, "processors", "description", "version", "_meta"):
                why = "sources and the collector are named in the configuration"
                self._lose(self._located.where((*path, key)), key, why)

    def _inputs(self, inputs: object, path: Path_, shared: Body) -> Iterator[Body]:
        for index, each in enumerate(inputs if isinstance(inputs, list) else ()):
            if not isinstance(each, dict):
                self._lose(self._located.where((*path, index)), "input", "is no mapping")
                continue
            here = (*path, index)
            body: list[Plugin | Branch] = [*self._parsers(each, here)]
            body += self._processors(each.get("processors"), (*here, "processors"), BEAT)
            name = each.get("id") or ", ".join(map(str, listed(each.get("paths")))) or "input"
            if not body:
                why = "takes lines as they are: choose their grammar with shipper init, or auto"
                self._lose(self._located.where(here), str(name), why)
            else:
                yield [*body, *shared]

    def _parsers(self, each: Settings, path: Path_) -> Iterator[Plugin]:
        for index, parser in enumerate(listed(each.get("parsers"))):
            for name, settings in mapping(parser).items():
                where = self._located.where((*path, "parsers", index, name))
                if name == "ndjson":
                    yield Plugin("json", where, label="parser ndjson of Filebeat")
                else:
                    self._lose(where, f"parser {name}", parser_hint(name, settings))
        for key in each:
            if key.startswith(("multiline", "json")):
                why = "is the older notation: see parsers, and multiline of a source"
                self._lose(self._located.where((*path, key)), key, why)

    def _processors(self, items: object, path: Path_, known: Words) -> list[Plugin | Branch]:
        body: list[Plugin | Branch] = []
        for index, item in enumerate(items if isinstance(items, list) else ()):
            for name, value in mapping(item).items():
                settings = mapping(value)
                where = self._located.where((*path, index, name))
                plugin = self._plugin(name, settings, where, known)
                condition = settings.get("if") or settings.get("when")
                bound = Branch(f"if {_flat(condition)}", where, [plugin]) if condition else plugin
                body.append(bound)
        return body

    def _plugin(self, name: str, settings: Settings, where: str, known: Words) -> Plugin:
        if name not in known:
            return Plugin(name, where, label=f"processor {name}")
        kind, translate = known[name]
        seen = _Seen(settings)
        made = [Setting(key, value, where) for key, value in translate(seen).items() if value]
        for key in settings.keys() - seen.met - _NEUTRAL:
            why = "a record that fails is a dead letter" if key == "on_failure" else "is not known"
            self._lose(where, f"processor {name}, {key}", why)
        return Plugin(kind, where, made, f"processor {name}")


class _Seen(dict[str, Any]):
    """Settings that remember which of them were asked for."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.met: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.met.add(key)
        return super().get(key, default)


def _flat(condition: object) -> str:
    return " ".join(str(condition).split())[:100]
