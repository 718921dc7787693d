"""The grammar playground: which grammars there are, and what they make of lines."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from shipper.config.models import Config
from shipper.errors import DataError, GrammarError
from shipper.event.builder import Envelope
from shipper.grammar.auto import NAME as AUTO
from shipper.grammar.families import family
from shipper.grammar.library import Library
from shipper.serving.wire import RefusedError
from shipper.status.answers import Asked, acting, answering, as_json
from shipper.status.bench import MOST_RECORDS, Bench, Question
from shipper.status.workshop import BusyError, TooMuchError, Workshop

_BODY: Final = 1_000_000
_RECORD: Final = Field(max_length=65_536)


class Trial(Asked):
    """Records to try, and by what: `grammars` by name, or the `yaml` of one."""

    records: Annotated[list[Annotated[str, _RECORD]], Field(max_length=MOST_RECORDS)]
    grammars: Annotated[list[str], Field(max_length=50)] = Field(default_factory=list)
    yaml: Annotated[str | None, Field(max_length=131_072)] = None


class Playground:
    """The playground of one configuration."""

    def __init__(self, config: Config, workshop: Workshop) -> None:
        self._shelf = Library(config.grammars.directories, config.grammars.patterns)
        self._workshop = workshop

    def routes(self) -> list[BaseRoute]:
        """Return what lists, shows and tries grammars."""
        return [
            Route("/api/grammars", self._names, methods=["GET"]),
            Route("/api/grammars/{name}", answering(self._text), methods=["GET"]),
            Route("/api/parse", acting(Trial, _BODY, self._try), methods=["POST"]),
        ]

    async def _names(self, _: Request) -> Response:
        """Return the names of all grammars with their families; get ready for a question."""
        names = await run_in_threadpool(self._shelf.names)
        answer = as_json([{"name": name, "family": family(name)} for name in names])
        answer.background = BackgroundTask(self._workshop.warm)
        return answer

    def _text(self, request: Request) -> dict[str, str]:
        """Return the file of a grammar."""
        try:
            file = self._shelf.file(request.path_params["name"])
            return {"yaml": file.read_text(encoding="utf-8-sig")}
        except GrammarError as error:
            raise RefusedError(404, error.message) from error
        except (OSError, ValueError) as error:
            raise DataError("the grammar can't be read", "see its file") from error

    def _try(self, _: Request, trial: Trial) -> dict[str, Any]:
        question = Question(trial.records, trial.grammars or (AUTO,), trial.yaml)
        try:
            return self._workshop.ask(question)
        except TooMuchError as error:
            raise DataError(error.message, error.remedy) from error
        except BusyError as error:
            raise RefusedError(503, f"{error.message}: {error.remedy}") from error


def bench_of(config: Config) -> Bench:
    """Return the bench for the grammars of *config*: of the rest, nothing secret is in it."""
    grammars, tracker = config.grammars, config.tracker
    envelope = Envelope(
        namespace=tracker.namespace,
        app_id=tracker.app_id,
        platform=tracker.platform,
        max_bytes=config.collector.max_bytes,
        vendor=grammars.vendor,
    )
    return Bench(grammars.directories, grammars.patterns, envelope)
