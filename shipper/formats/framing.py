"""From bytes to lines: where a line ends, and what of it is text.

Rule 1: a line ends with LF and nothing else; offsets count raw bytes, the LF included.
Rule 2: one CR before the LF belongs to the ending, not to the text.
Rule 3: NULs before a line belong to no text: a writer without O_APPEND leaves them, and some
        programs end their lines with one.
Rule 4: bytes that are not UTF-8 become U+FFFD in the text; the raw bytes stay as they are.
"""

from __future__ import annotations

BOM = "\ufeff"


def split_lines(chunk: bytes, base: int) -> tuple[list[bytes], list[str]]:
    """Cut *chunk*, which starts at offset *base*, into lines: their raw bytes and their texts.

    A chunk ends with LF, or with the last byte of a file that will not grow. The next line
    starts `len(raw) + 1` bytes on. Decoding the chunk at once is cheaper than line by line, and
    safe: the replacement of invalid bytes never adds or swallows an LF.
    """
    raws = chunk.split(b"\n")
    texts = chunk.decode("utf-8", "replace").split("\n")
    if not raws[-1]:
        raws.pop()
        texts.pop()
    if b"\r" in chunk:
        texts = [text.removesuffix("\r") for text in texts]
    if b"\0" in chunk:
        texts = [text.lstrip("\0") for text in texts]
    if base == 0 and texts and texts[0].startswith(BOM):
        texts[0] = texts[0][1:]
    return raws, texts


def whole_lines(chunk: bytes) -> int:
    """Return how many bytes of *chunk* are whole lines: what follows its last LF stays behind."""
    return chunk.rfind(b"\n") + 1
