"""Values of each type out of a piece of text, in canonical writing; None where the text is not certain."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from neotoma.extraction import dates, money
from neotoma.memory.model import Field

LONGEST_TEXT = 200
NEAR = 40  # characters between a label and its date or money: `Date of issue (Berlin): Monday, 5 January 2026`
EDGES = " \t:;,|*_–-=#•·"

_IDENTIFIER = re.compile(r"(?=[A-Za-z/_.-]{0,40}[0-9])[A-Za-z0-9](?:[A-Za-z0-9/_.-]{0,58}[A-Za-z0-9])?(?![^\s,;.)])")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?![\w-])")
_PHONE = re.compile(r"(?<![\w.+])\+?[0-9(][0-9 ()./-]{5,24}[0-9](?!\w)")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']{3,190}[^\s<>\"'.,;)]")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}(?![A-Za-z0-9])")
_LAST_AMOUNT = re.compile(r"(?<![\w.,/-])[-−]?[0-9][0-9., '’]*[.,][0-9]{2}$")


@dataclass(frozen=True)
class Habits:
    """How this document writes: where the day stands in its dates, and its currency if it has only one."""

    dates: dates.Habits
    currency: str | None
    bare: bool = False
    """Whether a number without a currency may stand for money, as it may in a column of amounts."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Habits":
        """What these texts, all of the document, show."""
        written = list(texts)
        currencies = set().union(*(money.currencies(text) for text in written))
        return cls(dates.habits(written), currencies.pop() if len(currencies) == 1 else None)


def read(type: str, text: str, habits: Habits, place: str) -> Field | None:
    """The field of this type that the text begins with, or None."""
    return READERS[type](text, habits, place)


def _text(text: str, _: Habits, place: str) -> Field | None:
    value = " ".join(re.split(r" {2,}| \| ", text.strip(EDGES))[0].split())[:LONGEST_TEXT].strip(EDGES)
    return Field(value, "text", place) if any(mark.isalnum() for mark in value) else None


def _identifier(text: str, habits: Habits, place: str) -> Field | None:
    match = _IDENTIFIER.match(text.lstrip(EDGES))
    if match is None or any(dates.find(match[0], habits.dates)) or dates.looks_like_one(match[0]):
        return None
    return Field(match[0], "text", place)


def _iban(text: str, _: Habits, place: str) -> Field | None:
    match = _IBAN.match(text.lstrip(EDGES))
    value = match[0].replace(" ", "") if match else ""
    if not 15 <= len(value) <= 34 or int("".join(str(int(mark, 36)) for mark in value[4:] + value[:4])) % 97 != 1:
        return None
    return Field(value, "text", place)


def _date(text: str, habits: Habits, place: str) -> Field | None:
    found = next(dates.find(text, habits.dates), None)
    return Field(found.value.isoformat(), "date", place) if found and found.start <= NEAR else None


def _money(text: str, habits: Habits, place: str) -> Field | None:
    """With its own currency, else with the only one that the document has, else as a mere number where that will do."""
    found = next(money.find(text), None)
    if found and found.start <= NEAR:
        return Field(str(found.value), "money", place)
    bare = _LAST_AMOUNT.search(text.strip())
    amount = money.number(bare[0] if bare else text)
    if amount is None:
        return None
    if habits.currency:
        return Field(str(money.Money(amount, habits.currency)), "money", place)
    return Field(f"{amount:f}", "number", place) if habits.bare else None


def _number(text: str, _: Habits, place: str) -> Field | None:
    words = text.split()
    amount = money.number(words[0]) if words else None
    return Field(f"{amount:f}", "number", place) if amount is not None else None


def _email(text: str, _: Habits, place: str) -> Field | None:
    match = _EMAIL.search(text)
    return Field(match[0].lower(), "email", place) if match else None


def _phone(text: str, _: Habits, place: str) -> Field | None:
    match = _PHONE.search(text)
    digits = re.sub(r"[^0-9]", "", match[0]) if match else ""
    if match is None or not 7 <= len(digits) <= 15 or dates.looks_like_one(match[0]):
        return None
    return Field(("+" if match[0].startswith("+") else "") + digits, "phone", place)


def _url(text: str, _: Habits, place: str) -> Field | None:
    match = _URL.search(text)
    return Field(match[0], "url", place) if match else None


def _currency(text: str, _: Habits, place: str) -> Field | None:
    code = money.currency(text)
    return Field(code, "text", place) if code else None


READERS: dict[str, Callable[[str, Habits, str], Field | None]] = {
    "text": _text,
    "identifier": _identifier,
    "iban": _iban,
    "date": _date,
    "money": _money,
    "number": _number,
    "email": _email,
    "phone": _phone,
    "url": _url,
    "currency": _currency,
}
