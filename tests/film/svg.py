"""A cast and its pictures as one SVG that plays by itself: no script, nothing from elsewhere.

Rule 1: the same cast and pictures give the same bytes.
Rule 2: where nothing may move (`prefers-reduced-motion`), the end is shown.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from tests.film.cast import COLUMNS, Cast, Shown, lines_of

_WIDTH, _TOP, _PITCH, _ROWS = 860, 34, 18, 22
_LETTER = (_WIDTH - 32) / COLUMNS
_SCREEN = _TOP + _ROWS * _PITCH + 14
_PICTURE = (_WIDTH, 624)
_STAYS = 6.0  # seconds for which the end stands
_TICK = 0.05

_STYLE = """
svg{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
text{white-space:pre}
.t{font-size:%.2fpx;fill:#e4e9ec}.in{fill:#7cc0de;font-weight:600}.bar{font-size:12px;fill:#98a6b0}
.p,.s{animation-duration:%.2fs;animation-iteration-count:infinite;animation-timing-function:step-end}
@media (prefers-reduced-motion:reduce){.p,.s{animation:none!important}.p.gone{visibility:hidden}}
"""


def film(cast: Cast, pictures: Mapping[str, bytes]) -> str:
    """Return the SVG."""
    film = _Film(cast)
    height = _SCREEN + 40 + _PICTURE[1]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">'
        f"<title>{escape(cast.made)}</title>"
        f"<style>{_STYLE % (_LETTER / 0.602, film.lasts)}{''.join(film.rules())}</style>"
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#12161a"/>'
        f'<text class="bar" x="16" y="22">{escape(cast.made)}</text>'
        f'<svg y="{_TOP}" width="{_WIDTH}" height="{_SCREEN - _TOP}">{film.terminal()}</svg>'
        f"{''.join(film.pictures(pictures))}</svg>\n"
    )


class _Film:
    """The parts of one film. Times become keyframes, of which each is written once."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._lines = list(lines_of(cast))
        while not any(piece.text.strip() for piece in self._lines[-1]):
            self._lines.pop()
        last = max(piece.at for line in self._lines for piece in line)
        self.ends = max([last, *(shown.at for shown in cast.shown)])
        self.lasts = self.ends + _STAYS
        self._appears: set[int] = set()
        self._body = "".join(self._rows())

    def _percent(self, at: float) -> str:
        return f"{100 * at / self.lasts:.2f}"

    def _tick(self, at: float) -> int:
        """Return the number of a moment; its rule is written later."""
        number = round(at / _TICK)
        self._appears.add(number)
        return number

    def rules(self) -> Iterator[str]:
        """Yield the keyframes: what appears, what scrolls, which picture is shown."""
        for number in sorted(self._appears):
            percent = self._percent(number * _TICK)
            stages = f"0%{{visibility:hidden}}{percent}%,to{{visibility:visible}}"
            yield f"@keyframes a{number}{{{stages}}}.a{number}{{animation-name:a{number}}}\n"
        yield f"@keyframes s{{{''.join(self._scrolls())}}}.s{{animation-name:s}}\n"
        for number, shown in enumerate(self._cast.shown):
            stages = self._turn(number, shown)
            yield f"@keyframes p{number}{{{stages}}}.p{number}{{animation-name:p{number}}}\n"

    def _turn(self, number: int, shown: Shown) -> str:
        following = self._cast.shown[number + 1 :]
        start = f"0%{{visibility:hidden}}{self._percent(shown.at)}%{{visibility:visible}}"
        end = f"{self._percent(following[0].at)}%,to{{visibility:hidden}}" if following else ""
        return start + (end or "to{visibility:visible}")

    def _scrolls(self) -> Iterator[str]:
        yield "0%{transform:none}"
        for over, line in enumerate(self._lines[_ROWS:], start=1):
            at = min((piece.at for piece in line), default=None)
            if at is not None:
                yield f"{self._percent(at)}%{{transform:translateY({-over * _PITCH}px)}}"
        yield f"to{{transform:translateY({self._scrolled()}px)}}"

    def _scrolled(self) -> int:
        return -max(0, len(self._lines) - _ROWS) * _PITCH

    def _rows(self) -> Iterator[str]:
        is_typed = False
        for number, line in enumerate(self._lines):
            text = "".join(piece.text for piece in line)
            is_typed = text.startswith("$ ") or (is_typed and text.startswith("> "))
            kind = "t in" if is_typed else "t"
            spans, column = [], 0
            for piece in line:
                x = f' x="{16 + column * _LETTER:.1f}"' if column else ""
                spans.append(
                    f'<tspan class="p a{self._tick(piece.at)}"{x}>{escape(piece.text)}</tspan>'
                )
                column += len(piece.text)
            y = 18 + number * _PITCH
            yield f'<text class="{kind}" x="16" y="{y}">{"".join(spans)}</text>'

    def terminal(self) -> str:
        """Return all lines, in a group that scrolls."""
        return f'<g class="s" transform="translate(0 {self._scrolled()})">{self._body}</g>'

    def pictures(self, pictures: Mapping[str, bytes]) -> Iterator[str]:
        """Yield the pictures, each with what it shows above it."""
        for number, (_, name, caption) in enumerate(self._cast.shown):
            gone = "" if number == len(self._cast.shown) - 1 else " gone"
            data = b64encode(pictures[name]).decode()
            yield (
                f'<g class="p p{number}{gone}">'
                f'<text class="bar" x="16" y="{_SCREEN + 24}">{escape(caption)}</text>'
                f'<image y="{_SCREEN + 40}" width="{_PICTURE[0]}" height="{_PICTURE[1]}" '
                f'href="data:image/png;base64,{data}"/></g>'
            )
