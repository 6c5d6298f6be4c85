"""Money is read strictly and exactly."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neotoma.extraction.money import CODES, SYMBOLS, WITHOUT_CENTS, Money, currencies, currency, find, number, parse

CENTS = [code for code in CODES if code not in WITHOUT_CENTS]
AMOUNTS = st.decimals(-999_999_999, 999_999_999, places=2)
MARKS = st.sampled_from(CENTS) | st.sampled_from([mark for mark, code in SYMBOLS.items() if code in CENTS])


def english(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def german(amount: Decimal) -> str:
    return english(amount).translate(str.maketrans(",.", ".,"))


STYLES = [
    english,
    german,
    lambda amount: english(amount).replace(",", " "),
    lambda amount: english(amount).replace(",", "'"),
    lambda amount: f"{amount:.2f}",
    lambda amount: f"{amount:.2f}".replace(".", ","),
]


@given(AMOUNTS, MARKS, st.sampled_from(STYLES), st.sampled_from(["{0} {1}", "{1} {0}", "{1}{0}", "{0}{1}"]))
def test_an_amount_written_in_any_style_is_read_back(amount: Decimal, mark: str, style, form: str) -> None:  # type: ignore[no-untyped-def]
    written = form.format(style(amount), mark)
    expected = Money(amount, SYMBOLS.get(mark, mark))
    assert parse(written) == expected
    assert [each.value for each in find(f"Total ({written}).")] == [expected]
    assert parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1,234.56 EUR", "1234.56 EUR"), ("€ 1.234,56", "1234.56 EUR"), ("USD 12", "12.00 USD"),
        ("$12.30", "12.30 USD"), ("12,5 €", "12.50 EUR"), ("1.234 EUR", "1234.00 EUR"), ("-€5", "-5.00 EUR"),
        ("€-5", "-5.00 EUR"), ("− 5,00 €", "-5.00 EUR"), ("¥1,200", "1200 JPY"), ("CHF 1'234.50", "1234.50 CHF"),
        ("A$7", "7.00 AUD"),
        ("US$7", "7.00 USD"), ("12 345,67 zł", "12345.67 PLN"), ("-0.00 EUR", "0.00 EUR"), ("+3 EUR", "3.00 EUR"),
        ("R$ 10", "10.00 BRL"), ("1 000 000 EUR", "1000000.00 EUR"),
    ],
)  # fmt: skip
def test_money_has_one_canonical_text(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


def test_nothing_is_not_less_than_nothing() -> None:
    assert str(Money(Decimal("-0.00"), "EUR")) == "0.00 EUR"


@pytest.mark.parametrize(
    "text",
    [
        "", "12", "EUR", "1.234.56 EUR", "1,23,456 EUR", "12.345.6 EUR", "¥1.20", "12 EURO", "12 eur", "x12 EUR",
        "1-2 EUR", "--5 EUR", "-€-5", "٣ EUR", "12:30 EUR", "A12 EUR", "12 EUROPE", "1234.567 EUR", "0,1234 EUR",
        "EUR 20%", "EUR 20x",
    ],
)  # fmt: skip
def test_what_is_no_certain_money_is_none(text: str) -> None:
    assert parse(text) is None


def test_several_amounts_are_found_in_their_order() -> None:
    assert [str(each.value) for each in find("EUR 1.00, then 2,00 € and $3; VAT 20% £4.50")] == [
        "1.00 EUR", "2.00 EUR", "3.00 USD", "4.50 GBP",
    ]  # fmt: skip
    assert list(find("EUR 20% and EUR 20x")) == []


def test_a_number_without_a_currency_and_a_currency_without_a_number() -> None:
    assert [number(text) for text in ("-1.234,50", "12", "1,5", "twelve", "1 2")] == [
        Decimal("-1234.50"), Decimal(12), Decimal("1.5"), None, None,
    ]  # fmt: skip
    assert [currency(text) for text in ("€", "usd", " CHF ", "coins")] == ["EUR", "USD", "CHF", None]
    assert currencies("12 EUR, €5 and US$7, EUROPE") == {"EUR", "USD"}


@given(st.text("0123456789.,' €$£EURSD-−()\n", max_size=80) | st.text(max_size=200))
def test_any_text_is_searched_without_a_crash(text: str) -> None:
    for each in find(text):
        assert 0 <= each.start < each.end <= len(text)
        assert parse(str(each.value)) == each.value
    number(text)
