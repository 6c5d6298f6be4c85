"""Amounts of money as people write them, read strictly and exactly: Decimal, never float, never the locale.

A separator followed by three digits divides thousands, one followed by one or two digits is the decimal point.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

SYMBOLS = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₩": "KRW", "₪": "ILS",
    "zł": "PLN", "Kč": "CZK", "R$": "BRL", "US$": "USD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD",
    "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "$": "USD",
}  # fmt: skip
WITHOUT_CENTS = ("JPY", "KRW", "CLP", "ISK", "VND", "HUF")
_CODES = """
    EUR USD GBP CHF JPY CNY INR CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH ILS ZAR BRL MXN ARS CLP COP
    SGD HKD KRW THB IDR MYR PHP VND AED SAR ISK
"""
CODES = tuple(_CODES.split())
_SIGN = r"[-−–+]"
_NUMBER = (
    r"(?:[0-9]{1,3}(?:(?P<group>[., '’\u00a0\u202f])[0-9]{3})(?:(?P=group)[0-9]{3})*|[0-9]{1,15})(?:[.,][0-9]{1,2})?"
)
_MARK = "|".join(re.escape(mark) for mark in sorted([*SYMBOLS, *CODES], key=lambda mark: (-len(mark), mark)))
_PLAIN = re.compile(rf"(?P<sign>{_SIGN})?[ ]?(?P<number>{_NUMBER})")
_BEFORE = re.compile(
    rf"(?<![\w.,$])(?P<sign>{_SIGN})?[ ]?(?P<mark>{_MARK})[ ]?(?P<inner>{_SIGN})?[ ]?"
    rf"(?P<number>{_NUMBER})(?![\w%])(?![.,][0-9])"
)
_AFTER = re.compile(rf"(?<![\w.,/:$€£-])(?P<sign>{_SIGN})?[ ]?(?P<number>{_NUMBER})[ ]?(?P<mark>{_MARK})(?![\w$])")
_CURRENCY = re.compile(rf"(?<!\w)(?:{_MARK})(?![^\W\d])")


@dataclass(frozen=True)
class Money:
    """An exact amount with an ISO 4217 code; written ``1234.56 EUR``, with the currency's usual decimals."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        cents = Decimal(1) if self.currency in WITHOUT_CENTS else Decimal("0.01")
        return f"{self.amount.quantize(cents) + 0} {self.currency}"


@dataclass(frozen=True)
class Written:
    """Money and where it stands in its text."""

    start: int
    end: int
    value: Money


def find(text: str) -> Iterator[Written]:
    """The amounts in a text, in their order. One whose currency stands on both sides counts once."""
    matches = sorted([*_BEFORE.finditer(text), *_AFTER.finditer(text)], key=lambda match: (match.start(), -match.end()))
    end = -1
    for match in matches:
        if match.start() >= end and (value := _money(match)) is not None:
            end = match.end()
            yield Written(match.start(), end, value)


def parse(text: str) -> Money | None:
    """The money that the whole text is, or None."""
    text = text.strip()
    match = _BEFORE.fullmatch(text) or _AFTER.fullmatch(text)
    return _money(match) if match else None


def number(text: str) -> Decimal | None:
    """The number that the whole text is, written as an amount but without a currency, or None."""
    match = _PLAIN.fullmatch(text.strip())
    return _signed(match, match["sign"]) if match else None


def currency(text: str) -> str | None:
    """The currency that the whole text names, as a symbol or a code, or None."""
    text = text.strip()
    return SYMBOLS.get(text) or (text.upper() if text.upper() in CODES else None)


def currencies(text: str) -> set[str]:
    """All currencies that a text mentions."""
    return {SYMBOLS.get(mark, mark) for mark in _CURRENCY.findall(text)}


def _money(match: re.Match[str]) -> Money | None:
    inner = match.groupdict().get("inner")
    if inner and match["sign"]:
        return None
    amount = _signed(match, match["sign"] or inner)
    code = SYMBOLS.get(match["mark"], match["mark"])
    if amount is None or (code in WITHOUT_CENTS and amount != amount.to_integral_value()):
        return None
    return Money(amount, code)


def _signed(match: re.Match[str], sign: str | None) -> Decimal | None:
    written, group = match["number"], match["group"]
    if group:
        whole, point, cents = written, "", ""
        if written[-3:-2] in (".", ",") or written[-2:-1] in (".", ","):
            cut = max(written.rfind("."), written.rfind(","))
            whole, point, cents = written[:cut], written[cut], written[cut + 1 :]
        if point == group:  # 1.234.56 is no number
            return None
        value = Decimal(f"{whole.replace(group, '')}.{cents or '0'}")
    else:
        value = Decimal(written.replace(",", "."))
    return -value if sign in ("-", "−", "–") else value
