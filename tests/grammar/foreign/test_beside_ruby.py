"""Expressions beside Ruby itself: what it finds in a text, the translated pattern finds, too.

Groups are not repeated here: how often an empty match is repeated is another matter in each engine.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest

from shipper.grammar.foreign.onigmo import ours, searched
from shipper.grammar.grok import compile_grok
from shipper.grammar.patterns import PatternBook

pytestmark = pytest.mark.e2e

PATTERNS = 1_500
ATOMS = [
    *(
        "a",
        "b",
        "1",
        " ",
        r"\.",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        r"\h",
        r"\H",
        r"\R",
        r"\e",
        r"\t",
    ),
    *("[ab]", "[^ ]", r"[\h-]", r"[\]a]", "[a-c1]", "[[:alpha:]]", r"\x{41}", r"\p{Alpha}"),
    r"\p{^Alpha}",
]
ALONE = [r"\b", "(?=a)", "(?!b)", r"(?<=\d)"]
REPEATS = [
    *("", "", "", "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{2}?"),
    *("{1,2}?", "{1,2}+", "{2}+", "{,2}", "{1,}", "{2,}+"),
]
OPENINGS = ["(?:", "(?>", "(?i:", "(?m:", "("]
SIGNS = ["a", "b", "1", " ", "\n", ".", "A", "f", "-", "\r", "\x1b", "]", "c"]
RUBY = """
require "json"
JSON.parse(STDIN.read).each do |pattern, texts|
  found = Regexp.new(pattern)
  puts JSON.generate(texts.map { |text| (m = found.match(text)) && [m["f"]] })
rescue RegexpError
  puts "null"
end
"""


def expression(chance: random.Random, depth: int = 0) -> str:
    parts = []
    for _ in range(chance.randint(1, 4)):
        if depth < 2 and chance.random() < 0.35:
            parts.append(f"{chance.choice(OPENINGS)}{expression(chance, depth + 1)})")
        elif chance.random() < 0.15:
            parts.append(chance.choice(ALONE))
        else:
            parts.append(chance.choice(ATOMS) + chance.choice(REPEATS))
    if chance.random() < 0.2:
        parts.append(f"|{chance.choice(ATOMS)}")
    return "".join(parts)


def test_ruby_finds_the_same() -> None:
    """Whether a pattern is found in a text, and what its field is, tied to the ends or not."""
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("ruby is missing")
    chance = random.Random(20_261_123)
    cases = []
    for _ in range(PATTERNS):
        named = f"(?<f>{expression(chance)})"
        texts = ["".join(chance.choices(SIGNS, k=chance.randint(0, 6))) for _ in range(6)]
        cases.append((chance.choice([named, rf"\A{named}\z", f"^{named}"]), texts))

    done = subprocess.run(
        [ruby, "-W0", "-E", "UTF-8", "-e", RUBY],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    compared = 0
    for (pattern, texts), line in zip(cases, done.stdout.splitlines(), strict=True):
        theirs = json.loads(line)
        if theirs is None:  # Ruby does not take it, either
            continue
        # To Ruby ^ is the beginning of any line; a record begins once.
        told = [
            pair
            for pair in zip(texts, theirs, strict=True)
            if "\n" not in pair[0] or pattern[0] != "^"
        ]
        expected = dict(told)
        made = compile_grok(searched(ours(pattern)), PatternBook({})).pattern
        found = {text: made.fullmatch(text) for text in expected}
        assert {text: each and [each[1]] for text, each in found.items()} == expected, pattern
        compared += len(expected)
    assert compared > PATTERNS
