"""Values that people and agents give, read strictly: ``2026-01-31`` is a date, ``31/01/2026`` is a text."""

import re
from datetime import date
from decimal import Decimal

from neotoma.extraction.money import Money
from neotoma.memory.errors import Invalid
from neotoma.memory.model import Field

LONGEST_VALUE = 8_000  # characters
EXPECTED = {
    "number": "a number such as 12.5",
    "date": "a date such as 2026-01-31",
    "money": "an amount and a currency such as 12.30 EUR",
    "email": "an address such as ada@example.org",
    "phone": "a number such as +49 30 123456",
    "url": "an address such as https://example.org",
    "boolean": "true or false",
}
PATTERNS = {
    "boolean": re.compile(r"true|false"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "money": re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,3})? [A-Z]{3}"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?"),
    "email": re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-zA-Z]{2,24}"),
    "url": re.compile(r"https?://[^\s/?#]+[^\s]*"),
}
"""In this order. A text is a phone number only where a field is one already, for too much looks like it."""
PHONE = re.compile(r"\+?[0-9][0-9 ()/.-]{3,30}")


def typed(value: object, what: str) -> Field:
    """A JSON scalar as a field of the first type that it is. ``what`` names it in the message of Invalid."""
    text = written(value, what)
    return Field(*next(((found, type) for type in PATTERNS if (found := _as(type, text)) is not None), (text, "text")))


def of_type(value: object, type: str, what: str) -> Field:
    """A value of a field that has a type already. Raises Invalid if it is of another."""
    text = written(value, what)
    if (found := _as(type, text)) is None:
        raise Invalid("bad_value", f"{what} is {EXPECTED[type]}, and this is not. Write it so.", type=type)
    return Field(found, type)


def written(value: object, what: str) -> str:
    """A JSON scalar as text. Raises Invalid for what is none, is empty, too long, or cannot be stored as text."""
    match value:
        case bool():
            text = "true" if value else "false"
        case int():
            text = str(value) if value.bit_length() < 4_096 else ""
        case float():
            text = _plain(value)
        case str():
            text = value.strip()
        case _:
            raise Invalid("bad_value", f"{what} is not a text, a number, true or false. Send one of these.")
    if not text and not isinstance(value, str):
        raise Invalid("bad_value", f"{what} is no finite number of at most 1,200 digits. Send it as a text.")
    return storable(text, what, LONGEST_VALUE)


def storable(text: str, what: str, longest: int) -> str:
    """The text, if it has 1 to ``longest`` characters that a database can keep. Raises Invalid."""
    if not text:
        raise Invalid("bad_value", f"{what} is empty. Write something there, or leave it out.")
    if len(text) > longest:
        raise Invalid("bad_value", f"{what} may have {longest:,} characters and has more. Shorten it.")
    if not is_text(text):
        raise Invalid("bad_value", f"{what} has a character that is no text (NUL or half a pair). Take it out.")
    return text


def is_text(text: str) -> bool:
    """Whether a database can keep it: neither NUL nor half a pair of surrogates is in it."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= mark <= "\udfff" for mark in text))


def searchable(text: str) -> str:
    """The text. Raises Invalid for one that nothing can be compared with."""
    if not is_text(text):
        raise Invalid("bad_text", "There is a character in it that is no text (NUL or half a pair). Take it out.")
    return text


def shown(name: str) -> str:
    """A name that somebody sent, as a message can show it."""
    return ascii(name[:60])


def _as(type: str, text: str) -> str | None:
    """The canonical text of a value of a type, None if it is none."""
    if type == "text":
        return text
    pattern = PHONE if type == "phone" else PATTERNS[type]
    if not pattern.fullmatch(text):
        return None
    match type:
        case "date":
            return text if _is_date(text) else None
        case "money":
            return _money(*text.split(" "))
        case _:
            return text


def _money(amount: str, currency: str) -> str | None:
    """With the currency's usual decimals, as an extraction writes it; None where that would round."""
    written = str(Money(Decimal(amount), currency))
    return written if Decimal(written.split(" ")[0]) == Decimal(amount) else None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _plain(value: float) -> str:
    """Without an exponent; empty for what is no number."""
    number = Decimal(repr(value))
    return f"{number:f}".removesuffix(".0") if number.is_finite() else ""
