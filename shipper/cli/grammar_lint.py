"""``shipper grammar lint``: slow patterns, and schemas that a warehouse would not like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import orjson

from shipper.cli.options import (
    directories_option,
    grammar_argument,
    json_option,
    library,
    patterns_option,
)
from shipper.errors import DataError

if TYPE_CHECKING:
    from shipper.grammar.lint.pump import Proof

_SHOWN = 60


@click.command()
@directories_option
@patterns_option
@click.option(
    "--registry",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Lint the schemas of a static registry instead.",
)
@click.option(
    "--skip",
    multiple=True,
    metavar="RULE",
    help="A rule of igluctl to skip, such as optionalNull; may be given several times.",
)
@json_option
@grammar_argument("names", nargs=-1)
def lint(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    registry: Path | None,
    skip: tuple[str, ...],
    as_json: bool,
    names: tuple[str, ...],
) -> None:
    """Find what is slow or unsound in grammars NAMES, or in grammar files (all, if none is named).

    Patterns that can take more than linear time are told with a text that proves it, and with the
    remedy. Their schemas are checked by all rules of igluctl. Exit 65 if anything is found.

    \b
    Examples:
      shipper grammar lint
      shipper grammar lint grammars/door.yaml
      shipper grammar lint --registry registry --skip description
    """
    found = 0
    checked = (
        _registry(registry, skip)
        if registry
        else _grammars(directories, pattern_directories, names, skip)
    )
    for name, faults in checked:
        found += len(faults)
        if as_json:
            click.echo(orjson.dumps({"name": name, "faults": [f.as_json() for f in faults]}))
            continue
        click.echo(f"{'FAIL' if faults else 'ok  '}  {name}")
        for fault in faults:
            for line in fault.lines():
                click.echo(f"      {line}")
    if found:
        what = "1 thing" if found == 1 else f"{found} things"
        raise DataError(f"{what} to mend", "see above, for each")


class _Fault(NamedTuple):
    """Something to mend: where, what, how, and the proof if there is one."""

    where: str
    what: str
    remedy: str = ""
    proof: Proof | None = None

    def lines(self) -> Iterator[str]:
        yield f"{self.where}: {self.what}"
        if self.proof is not None:
            yield f"  proof:  {_proof(self.proof)}"
        if self.remedy:
            yield f"  remedy: {self.remedy}"

    def as_json(self) -> dict[str, Any]:
        proof = self.proof and {
            "text": [self.proof.before, self.proof.pump, self.proof.rounds, self.proof.after],
            "seconds": self.proof.seconds,
            "exponent": None if math.isinf(self.proof.exponent) else self.proof.exponent,
        }
        return {"where": self.where, "what": self.what, "remedy": self.remedy, "proof": proof}


def _proof(proof: Proof) -> str:
    power = (
        "grows exponentially"
        if math.isinf(proof.exponent)
        else f"grows with the length to the power of {proof.exponent:.1f}"
    )
    parts = (_short(proof.before), f"{_short(proof.pump)} * {proof.rounds}", _short(proof.after))
    return f"{' + '.join(parts)}: {proof.seconds:.2f} s, {power}"


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else "…" + text[-_SHOWN:])


def _grammars(
    directories: tuple[Path, ...],
    pattern_directories: tuple[Path, ...],
    names: tuple[str, ...],
    skip: tuple[str, ...],
) -> Iterator[tuple[str, list[_Fault]]]:
    from shipper.grammar.iglu import iglu_schema
    from shipper.grammar.iglu_lint import lint_schema
    from shipper.grammar.lint.grammars import lint_grammar

    files = [Path(name) for name in names if name.endswith((".yaml", ".yml"))]
    beside = tuple(dict.fromkeys(file.resolve().parent for file in files))
    shelf = library((*directories, *beside), pattern_directories)
    for name in names or shelf.names():
        grammar = shelf.get(Path(name).stem if name.endswith((".yaml", ".yml")) else name)
        faults = [
            _Fault(
                f"{place.where}: {place.key}",
                str(place.finding),
                place.finding.remedy,
                place.finding.proof,
            )
            for place in lint_grammar(grammar, shelf.book)
        ]
        schema = lint_schema(iglu_schema(grammar), skip=skip)
        yield grammar.name, [*faults, *(_Fault(grammar.schema, str(fault)) for fault in schema)]


def _registry(registry: Path, skip: tuple[str, ...]) -> Iterator[tuple[str, list[_Fault]]]:
    from shipper.grammar.iglu_lint import lint_schema

    files = sorted(file for file in registry.rglob("*-*-*") if file.is_file())
    if not files:
        raise DataError(f"there are no schemas in {registry}", "name the directory above schemas/")
    for file in files:
        path = file.relative_to(registry).as_posix()
        try:
            schema = orjson.loads(file.read_bytes())
        except orjson.JSONDecodeError as error:
            yield path, [_Fault(path, f"is no JSON: {error}")]
            continue
        yield path, [_Fault(path, str(fault)) for fault in lint_schema(schema, path, skip)]
