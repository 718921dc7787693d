"""Dead letters on the page: to look at with anybody's eyes, to act on with the token.

Rule 1: a list shows the beginning of each, cut round the place where grammars stopped.
Rule 2: an act is bounded in time, so that the reading and a stop wait for none: what is left of it
        is asked for again, from where it stopped.
Rule 3: each act is told in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import Field
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from shipper.errors import DataError
from shipper.grammar.wording import place_in
from shipper.service.replay import records_of, replay
from shipper.serving.wire import RefusedError
from shipper.status.answers import Asked, acting, answering
from shipper.status.token import Token
from shipper.status.view import View
from shipper.store.dead_letters import DeadLetter, DeadLetters, Glance, Selection

_PAGE: Final = 25
_AROUND: Final = 1_500  # characters on both sides of the place, in a list
_BODY: Final = 65_536
_SECONDS: Final = 2.0
_STEP: Final = 50


class Chosen(Asked):
    """Which letters: by their ids, or those of a source and a reason that came before a time.

    `after` is the id up to which they were acted on before.
    """

    ids: Annotated[list[int], Field(max_length=1_000)] = Field(default_factory=list)
    source: str | None = None
    reason: str | None = None
    before_ms: int | None = None
    after: int = 0

    def selection(self) -> Selection:
        """Return which they are. Raises DataError if nothing is named."""
        if not self.ids and (self.source is None or self.reason is None):
            raise DataError("nothing is named", "name ids, or a source and a reason")
        return Selection(self.ids, self.reason, self.source, None, self.before_ms)


class Letters:
    """The dead letters of one view, and what may be done to them by who has the *token*."""

    def __init__(self, view: View, token: Token) -> None:
        self._view = view
        self._token = token
        self._acting = threading.Lock()

    def routes(self) -> list[BaseRoute]:
        """Return what shows letters, and what acts on them."""
        path = "/api/dead-letters"
        return [
            Route(path, answering(self.page), methods=["GET"]),
            Route(f"{path}/{{number:int}}", answering(self.one), methods=["GET"]),
            Route(f"{path}/replay", acting(Chosen, _BODY, self.replay), methods=["POST"]),
            Route(f"{path}/discard", acting(Chosen, _BODY, self.discard), methods=["POST"]),
        ]

    def page(self, request: Request) -> dict[str, Any]:
        """Return the newest letters below id ``before``, of a ``source`` and a ``reason``."""
        asked = request.query_params
        before = asked.get("before", "")
        chosen = Selection((), asked.get("reason"), asked.get("source"))
        bound = min(int(before), (1 << 63) - 1) if before.isdecimal() else None
        found = self._letters.latest(chosen, before=bound, limit=_PAGE + 1)
        letters = [self._shown(glance, around=_AROUND) for glance in found[:_PAGE]]
        return {"letters": letters, "more": len(found) > _PAGE, "token": self._token.place}

    def one(self, request: Request) -> dict[str, Any]:
        """Return one letter, as whole as a glance can be."""
        number = request.path_params["number"]
        found = self._letters.latest(Selection([number]), limit=1)
        if not found:
            raise RefusedError(404, f"there is no dead letter {number} any more")
        return self._shown(found[0], around=None)

    def replay(self, request: Request, chosen: Chosen) -> dict[str, Any]:
        """Give letters another try; return how many are queued, how many failed, where to go on."""
        self._token.check(request)
        view, walk = self._view, _Walk(self._letters, chosen, self._until())
        with self._alone():
            now_ms = int(view.clock.wall() * 1000)
            done = replay(view.config, view.parts.store, walk.letters(), now_ms)
        view.report("dead_letters.replayed", queued=done.queued, failed=done.failed)
        return {"queued": done.queued, "failed": done.failed, "next": walk.next}

    def discard(self, request: Request, chosen: Chosen) -> dict[str, Any]:
        """Delete letters for good; return how many, and whether to go on."""
        self._token.check(request)
        selection, goes_on, gone, step = chosen.selection(), self._until(), 0, 1
        with self._alone():
            while step and goes_on():
                step = self._letters.discard(selection)
                gone += step
        self._view.report("dead_letters.discarded", count=gone, why="by the status page")
        return {"discarded": gone, "next": 0 if step else None}

    @property
    def _letters(self) -> DeadLetters:
        return self._view.parts.store.dead_letters

    def _until(self) -> Callable[[], bool]:
        """Return what tells whether there is time left (rule 2)."""
        clock, end = self._view.clock.monotonic, self._view.clock.monotonic() + _SECONDS
        return lambda: clock() < end

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Run a block that no other such block runs beside. Raises RefusedError."""
        if not self._acting.acquire(blocking=False):
            raise RefusedError(409, "another replay or discard is under way: try it again")
        try:
            yield
        finally:
            self._acting.release()

    def _shown(self, glance: Glance, around: int | None) -> dict[str, Any]:
        letter, is_cut = glance
        text, header = self._text(letter)
        place = place_in(letter.detail) if letter.event is None else None
        shown = _Excerpt.of(text, place[0] if place else None, around)
        return {
            "id": letter.id,
            "created_ms": letter.created_ms,
            "source": letter.source,
            "path": letter.path,
            "offset": letter.offset,
            "grammar": letter.grammar,
            "grammars": self._grammars(letter.source),
            "reason": letter.reason,
            "detail": letter.detail,
            "attempts": letter.attempts,
            "is_event": letter.event is not None,
            "header": header,
            "expected": place[1] if place else None,
            **shown._asdict(),
            "cut_after": shown.cut_after or is_cut,
        }

    def _text(self, letter: DeadLetter) -> tuple[str, str | None]:
        """Return what *letter* holds as grammars see it, and the header that it stood under."""
        if letter.event is not None:
            return letter.event.decode("utf-8", "replace"), None
        recipe = self._view.parts.recipes.get(letter.source)
        if recipe is not None:
            header, records = records_of(letter, recipe)
            if len(records) == 1:
                return records[0].text, header
        return letter.raw.decode("utf-8", "replace"), None

    def _grammars(self, source: str) -> list[str]:
        sources = self._view.config.sources
        return next((list(each.grammar) for each in sources if each.name == source), [])


class _Excerpt(NamedTuple):
    """A part of a text: where grammars stopped in it, from 0, and whether it goes on outside."""

    text: str
    stopped: int | None
    cut_before: bool
    cut_after: bool

    @classmethod
    def of(cls, text: str, column: int | None, around: int | None) -> Self:
        """Return *text*, or what is *around* *column*, if that is in it, or at its beginning."""
        stopped = column - 1 if column is not None and 0 < column <= len(text) + 1 else None
        if around is None:
            return cls(text, stopped, cut_before=False, cut_after=False)
        start = max(0, (stopped or 0) - around)
        end = start + 2 * around
        inside = stopped - start if stopped is not None else None
        return cls(text[start:end], inside, cut_before=start > 0, cut_after=end < len(text))


class _Walk:
    """Goes through chosen letters as long as there is time; `next` is where to go on, if ever."""

    def __init__(self, letters: DeadLetters, chosen: Chosen, goes_on: Callable[[], bool]) -> None:
        self.next: int | None = None
        self._letters = letters
        self._selection = chosen.selection()
        self._after = chosen.after
        self._goes_on = goes_on

    def letters(self) -> Iterator[DeadLetter]:
        """Yield them, oldest first."""
        while page := self._letters.page(self._selection, after=self._after, limit=_STEP):
            for letter in page:
                if not self._goes_on():
                    self.next = self._after
                    return
                self._after = letter.id
                yield letter
