"""Hooks of MkDocs: adds the generated pages, and makes links to files of the checkout plain text.

Rule 1: a page that would load something from elsewhere fails the build: readers are not told on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from docsite.commands import commands_page
from docsite.grammars import grammar_pages

ROOT = Path(__file__).parents[1]
GRAMMARS = "Grammars in detail"

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
_FOREIGN = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\ssrc=[\"']?(?:https?:)?//"
    r"|<link\b[^>]*\shref=[\"']?(?:https?:)?//"
)
_FENCE = re.compile(r"^(```\w+) \w+$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the pages of the grammars in the navigation."""
    pages: list[Any] = [{title: path} for path, (title, _) in sorted(grammar_pages().items())]
    for section in config.nav or []:
        for entries in section.values() if isinstance(section, dict) else ():
            if isinstance(entries, list) and GRAMMARS in entries:
                entries[entries.index(GRAMMARS)] = {GRAMMARS: pages}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated, and the changelog."""
    made = {path: text for path, (_, text) in grammar_pages().items()}
    made["commands.md"] = commands_page()
    made["changelog.md"] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links that lead out of `docs` be text, and fences have a language only."""
    return _FENCE.sub(r"\1", _OUTSIDE.sub(r"`\1`", markdown))


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse a page that loads something from elsewhere."""
    if found := _FOREIGN.search(output):
        raise PluginError(f"{page.file.src_path} loads something from elsewhere: {found[0]}")
    return output
