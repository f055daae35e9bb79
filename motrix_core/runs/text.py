"""Text from files, made safe to show."""

from __future__ import annotations

import unicodedata

# Control, format (bidirectional marks, zero-width characters, tags), lone surrogates, unassigned, line and paragraph
# separators: whatever can move the cursor, reorder a line or hide in it.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})


def plain(text: object, *, limit: int | None = None, keep: str = "") -> str:
    r"""`text` as one harmless piece of text: unsafe characters become visible escapes, such as `\x1b` or `\u202e`.

    `keep` names unsafe characters to let through, say `"\n"`. `limit` cuts to that many characters, the last one then
    being an ellipsis. Markup is not touched: give the result to `rich.text.Text`, never to a markup parser.
    """
    raw = str(text)
    if limit is not None and len(raw) > limit:
        raw = raw[: limit + 1]
    # Python calls printable what is no separator, but for the space, and not of category C: nothing of _UNSAFE.
    if not raw.isprintable():
        raw = "".join(char if char in keep else _visible(char) for char in raw)
    if limit is not None and len(raw) > limit:
        return raw[: max(limit - 1, 0)] + "…"
    return raw


def printable_json(text: str) -> str:
    """JSON text in ASCII without DEL, the one control character that JSON itself lets through."""
    return text.replace("\x7f", "\\u007f")


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    if code == 0x0A:
        return "\\n"
    if code == 0x09:
        return "\\t"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
