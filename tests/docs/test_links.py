"""Links of the documentation lead somewhere; no network is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.book import ROOT

FILES = [*sorted((ROOT / "docs").glob("**/*.md")), *sorted(ROOT.glob("*.md"))]
_FENCED = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
_SOURCE = re.compile(r"\b(?:src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def links(file: Path) -> list[str]:
    text = _FENCED.sub("", file.read_text(encoding="utf-8"))
    plain = re.sub(r"(?<!\[)`[^`\n]*`(?!\])", "", text)
    return _LINK.findall(plain) + _SOURCE.findall(plain)


def anchors(file: Path) -> set[str]:
    """The anchors of the headings of *file*: as GitHub names them, which are as the site does."""
    text = _FENCED.sub("", file.read_text(encoding="utf-8"))
    return {_slug(heading) for heading in _HEADING.findall(text)}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for link in links(file):
        if re.match(r"(?:https?|mailto):", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_links_are_seen() -> None:
    """The test above looks at something."""
    assert len([link for file in FILES for link in links(file)]) > 50


def test_pictures_of_the_docs_stand_in_the_docs() -> None:
    """The site has no other files of the checkout: links to those it shows as text."""
    for file in (ROOT / "docs").glob("**/*.md"):
        text = _FENCED.sub("", file.read_text(encoding="utf-8"))
        for path in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text):
            assert not path.startswith(("..", "/", "http")), (file.name, path)
