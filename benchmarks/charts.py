"""Draws figures as SVG: bars with their spread, and curves. Nothing is read, nothing written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.figures import Spread

_WIDTH, _LEFT, _RIGHT, _TITLE = 760, 230, 90, 30
_BAR, _PLOT, _FOOT = 22, 150, 44
_COLOURS = ("#27a", "#e80", "#2a7", "#a3c", "#888", "#c33")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A panel with a bar for each figure; the line across its end is the spread."""

    title: str
    unit: str
    values: Mapping[str, Spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A panel with a curve for each series of (x, y); x is logarithmic where that is wide."""

    title: str
    across: str
    unit: str
    lines: Mapping[str, Sequence[Point]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A file of panels, one above the other."""

    name: str
    panels: Sequence[Bars | Curves]


def drawn(chart: Chart) -> str:
    """Return *chart* as an SVG document."""
    parts, top = [], 0
    for panel in chart.panels:
        height = _height(panel)
        lines = _bars(panel) if isinstance(panel, Bars) else _curves(panel)
        parts += [f'<g transform="translate(0 {top})">', _title(panel), *lines, "</g>"]
        top += height
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}"'
    style = ' font-family="sans-serif" font-size="12">'
    return "\n".join(
        [head + style, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>", ""]
    )


def _height(panel: Bars | Curves) -> int:
    return _TITLE + (len(panel.values) * _BAR + 14 if isinstance(panel, Bars) else _PLOT + _FOOT)


def _title(panel: Bars | Curves) -> str:
    return _text(8, 18, f"{panel.title} ({panel.unit})", 'font-weight="bold"')


def _bars(panel: Bars) -> Iterator[str]:
    most = max((value.most for value in panel.values.values()), default=1.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    for index, (name, value) in enumerate(panel.values.items()):
        top, end = _TITLE + index * _BAR, _LEFT + value.median * scale
        middle, colour = top + _BAR / 2 - 2, _COLOURS[0 if name.startswith("shipper") else 4]
        yield _text(_LEFT - 8, middle + 4, name, 'text-anchor="end"')
        yield _box(_LEFT, top, end - _LEFT, _BAR - 4, colour)
        yield _line((_LEFT + value.least * scale, middle), (_LEFT + value.most * scale, middle))
        yield _text(_LEFT + value.most * scale + 6, middle + 4, short(value.median))


def _curves(panel: Curves) -> Iterator[str]:
    points = [point for line in panel.lines.values() for point in line]
    xs, top = [x for x, _ in points], max((y for _, y in points), default=1.0) or 1.0
    across = _log if min(xs) > 0 and max(xs) / min(xs) >= 50 else float
    first, last = across(min(xs)), across(max(xs))
    bottom, width = _TITLE + _PLOT, _WIDTH - _LEFT - _RIGHT

    def place(point: Point) -> Point:
        share = (across(point[0]) - first) / ((last - first) or 1.0)
        return _LEFT + share * width, bottom - point[1] / top * (_PLOT - 8)

    yield _line((_LEFT, bottom), (_LEFT + width, bottom))
    for height in (0.0, top / 2, top):
        yield _text(_LEFT - 8, place((xs[0], height))[1] + 4, short(height), 'text-anchor="end"')
    for x in _ticks(xs):
        yield _text(place((x, 0.0))[0], bottom + 16, short(x), 'text-anchor="middle"')
    yield _text(_LEFT + width, bottom + 32, panel.across, 'text-anchor="end"')
    for index, (name, line) in enumerate(panel.lines.items()):
        colour, places = _COLOURS[index % len(_COLOURS)], [place(point) for point in line]
        marks = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{marks}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield _text(8, _TITLE + 16 + 16 * index, name, f'fill="{colour}"')


def _ticks(xs: Sequence[float]) -> list[float]:
    different = sorted(set(xs))
    return different if len(different) <= 6 else [different[0], different[-1]]


def _log(x: float) -> float:
    return math.log10(x)


def short(figure: float) -> str:
    """Return *figure* in few characters: 8.21, 115 k, 10 M."""
    for limit, sign in ((1e6, " M"), (1e3, " k")):
        if abs(figure) >= limit:
            return f"{figure / limit:.3g}{sign}"
    return f"{figure:.3g}"


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"/>'


def _line(start: Point, end: Point) -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    return f'<line {ends} stroke="black"/>'
