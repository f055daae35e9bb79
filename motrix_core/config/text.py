"""Text to values and back: the one reading that forms, files and the command line share."""

from __future__ import annotations

import difflib
import json
import math
import re
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from motrix_core.config.fields import FormField, adapter, number_text
from motrix_core.config.setting import OptionValue

_MAX_TEXT = 200
_MAX_PATH = 4096
_MANTISSA = r"(?:\d{1,3}(?:[ ,\u00a0\u202f]\d{3})+|\d+(?:_\d+)*)"
_NUMBER = re.compile(rf"([+-]?)({_MANTISSA})?(?:\.(\d*))?(?:[eE]([+-]?\d{{1,6}}))?\s?([kKmMgGbB])?", re.ASCII)
_POWERS = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9}
_PLAIN_INT = re.compile(r"[+-]?\d{1,1000}", re.ASCII)
_PLAIN_FLOAT = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class InvalidValue(ValueError):
    """A value that breaks its field's `rule`; `mend` is what to type instead."""

    def __init__(self, rule: str, mend: str | None = None) -> None:
        self.rule, self.mend = rule, mend
        super().__init__(f"{rule}; {mend}" if mend else rule)


def read_value(field: FormField, raw: object) -> Any:
    """The valid value of `field` that `raw` stands for: text is parsed, anything else must have the type.

    Raises `InvalidValue`.
    """
    return parse_value(field, raw) if isinstance(raw, str) else check_value(field, raw)


def parse_value(field: FormField, text: str) -> Any:
    """The valid value of `field` that a person means by `text`.

    Numbers may be written 3e-4, 10M, 1k, 2_048, 10 000 000; layer sizes 256-128-64, 256,128,64 or [256, 128];
    switches true, yes, on, 1 and their opposites; None as the field's `none_text`, "none" or nothing.
    Raises `InvalidValue`, which is a `ValueError`.
    """
    word = text.strip()
    if field.none_text and word.casefold() in ("", "none", field.none_text):
        return None
    if not word:
        raise InvalidValue(f"{field.rule}, not empty", _try_default(field))
    if len(word) > (_MAX_PATH if field.kind == "text" else _MAX_TEXT):
        raise InvalidValue(field.rule, _try_default(field))
    return check_value(field, _parse(field, word))


def check_value(field: FormField, value: object) -> Any:
    """`value` as the schema keeps it (lists become tuples), or `InvalidValue`."""
    try:
        return adapter(field.path).validate_python(value)
    except (ValidationError, OverflowError) as error:
        raise InvalidValue(field.rule, _mend(field, value)) from error


def format_value(field: FormField, value: Any, *, display: bool = False) -> str:
    """The canonical text of a value; `parse_value` reads it back. `display` groups digits: 10 000 000."""
    if value is None:
        return field.none_text or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "-".join(str(size) for size in value)
    if isinstance(value, int):
        return grouped(value) if display else str(value)
    return number_text(value) if isinstance(value, float) else str(value)


def grouped(number: int) -> str:
    """A whole number as people read it: 2048, 65 536, 10 000 000."""
    return f"{number:,}".replace(",", " ") if abs(number) >= 10_000 else str(number)


def parse_option(text: str) -> OptionValue:
    """The value of an environment's option: a switch, a number, or text, in quotes if it looks otherwise.

    Raises `InvalidValue` for a number that is not finite and for a quoted text without its end.
    """
    word = text.strip()
    if word in ("true", "false"):
        return word == "true"
    if _PLAIN_INT.fullmatch(word):
        return int(word)
    if _PLAIN_FLOAT.fullmatch(word):
        number = float(word)
        if not math.isfinite(number):
            raise InvalidValue("must be a finite number")
        return number
    if not word.startswith('"'):
        return word
    try:
        value = json.loads(word)
    except ValueError as error:
        raise InvalidValue('must be text between double quotes, with \\" for one inside') from error
    if not isinstance(value, str):
        raise InvalidValue("must be a switch, a number or text")
    return value


def format_option(value: OptionValue) -> str:
    """The text that `parse_option` reads as `value`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    looks_otherwise = value in ("true", "false") or _PLAIN_INT.fullmatch(value) or _PLAIN_FLOAT.fullmatch(value)
    needs_quotes = looks_otherwise or value != value.strip() or value.startswith('"')
    return json.dumps(value, ensure_ascii=False) if needs_quotes else value


def shown(value: object) -> str:
    """`value` as an error may print it: one short line without control characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "none"
    # Python refuses to write out integers beyond some thousand digits.
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of about 10^" + str(int(value.bit_length() * math.log10(2)))
    if isinstance(value, float | int):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(size, int) for size in value):
        text = "-".join(shown(size) for size in value) or "[]"
    else:
        text = value if isinstance(value, str) else f"a {type(value).__name__}"
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:80])
    return safe if len(safe) <= 60 else safe[:59] + "…"


def _parse(field: FormField, word: str) -> object:
    if field.kind == "bool":
        if word.casefold() not in _BOOLS:
            raise InvalidValue(field.rule, None)
        return _BOOLS[word.casefold()]
    if field.kind == "choice":
        return word.casefold()
    if field.kind == "text":
        return word
    if field.kind == "sizes":
        return _parse_sizes(field, word)
    return _parse_number(field, word, whole=field.kind == "int")


def _parse_sizes(field: FormField, word: str) -> tuple[int | float, ...]:
    bracketed = re.fullmatch(r"\[(.*)\]|\((.*)\)", word)
    inner = (bracketed[1] or bracketed[2] or "") if bracketed else word
    parts = re.split(r"\s*[-,x×]\s*|\s+", inner.strip())
    if bracketed and len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(_parse_number(field, part, whole=True) for part in parts)


def _parse_number(field: FormField, word: str, *, whole: bool) -> int | float:
    match = _NUMBER.fullmatch(word)
    if match is None or not (match[2] or match[3]):
        raise InvalidValue(field.rule, _try_default(field))
    sign, units, fraction, exponent, suffix = (group or "" for group in match.groups())
    power = int(exponent or 0) + _POWERS[suffix.lower()]
    number = Decimal(f"{sign}{re.sub(r'[^0-9]', '', units) or 0}.{fraction or 0}e{power}")
    # Beyond any bound; turning it into an int could fill the memory.
    if not whole or number.adjusted() > 30:
        return float(number)
    if number.adjusted() < -_MAX_TEXT or number != int(number):
        raise InvalidValue(field.rule, _try_default(field))
    return int(number)


def _mend(field: FormField, value: object) -> str | None:
    if field.kind == "choice":
        near = difflib.get_close_matches(str(value), field.choices, n=1, cutoff=0.5) if isinstance(value, str) else []
        return f"did you mean {near[0]}?" if near else None
    if field.only or isinstance(value, bool) or not isinstance(value, int | float):
        return _try_default(field)
    if field.lower is None or field.upper is None or value != value:
        return _try_default(field)
    if value < field.lower:
        return f"try {number_text(field.lower)}"
    return f"try {number_text(field.upper)}" if value > field.upper else _try_default(field)


def _try_default(field: FormField) -> str | None:
    if field.only or field.kind in ("bool", "choice", "text"):
        return None
    return f"try {format_value(field, field.default)}"
