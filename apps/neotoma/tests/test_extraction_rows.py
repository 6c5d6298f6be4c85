"""Tables are read row by row; those of a known kind give an entity for each."""

from pathlib import Path

import pytest
from apps.neotoma.tests.support_documents import extracted, told

from neotoma.extraction import rows, table
from neotoma.extraction.model import Extraction, Link

STATEMENT = """Date;Description;Payee;Amount (EUR);Balance
13/01/2026;Invoice INV-2026-0042;Acme Tools Ltd;-1.200,00;300,00
02/01/2026;Coffee;Cafe;-3,20;296,80
02/01/2026;Coffee;Cafe;-3,20;293,60
soon;Gift;;many;
"""


def transactions(extraction: Extraction) -> list[str]:
    return [each.name for each in extraction.entities if each.type == "transaction"]


def test_each_row_of_a_statement_is_a_transaction_that_is_part_of_it(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.csv", STATEMENT)
    assert extraction.document_type == "bank_statement"
    assert extraction.title == "Bank statement 2026-01-02 to 2026-01-13"
    assert transactions(extraction) == [
        "2026-01-13 Acme Tools Ltd Invoice INV-2026-0042 -1200.00 EUR",
        "2026-01-02 Cafe Coffee -3.20 EUR",
        "2026-01-02 Cafe Coffee -3.20 EUR (2)",
        "soon Gift many",
    ]
    for index, each in enumerate(extraction.entities):
        assert (Link("part_of", index, 0) in extraction.links) == (each.type == "transaction")


def test_a_cell_has_its_row_and_column_as_its_place_and_its_type_if_it_reads_as_that(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.csv", STATEMENT)
    first, last = extraction.entities[1], extraction.entities[-1]
    amount = first.fields["amount"]
    assert (amount.value, amount.type, amount.place) == ("-1200.00 EUR", "money", "row 2, Amount (EUR)")
    assert (last.fields["amount"].type, last.fields["booked_on"].type) == ("text", "text")
    assert extraction.entities[0].fields["period_to"].place == "row 2, Date"


def test_a_payment_settles_the_invoice_that_it_names(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.csv", STATEMENT)
    invoice = next(index for index, each in enumerate(extraction.entities) if each.type == "invoice")
    assert extraction.entities[invoice].name == "Acme Tools Ltd INV-2026-0042"
    assert Link("settles", 1, invoice) in extraction.links


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("date,amount,currency,description\n2026-01-05,12.30,USD,a\n2026-01-05,7,EUR,b", ["12.30 USD", "7.00 EUR"]),
        ("date\tamount\tdescription\n2026-01-05\t€12\ta\n2026-01-05\t7\tb", ["12.00 EUR", "7"]),
        ("Booking Date,Debit,Details\n2026-01-05,12.30,a", ["12.30"]),
    ],
)
def test_an_amount_has_the_currency_of_its_cell_its_row_or_its_column(
    tmp_path: Path, text: str, amounts: list[str]
) -> None:
    entities = extracted(tmp_path, "a.csv", text).entities[1:]
    assert [told(each).get("amount", told(each).get("debit")) for each in entities] == amounts


def test_a_statement_that_names_its_account_is_known_by_it(tmp_path: Path) -> None:
    text = "Date,Amount,Description,Account\n2026-01-05,1,a,12-34\n2026-01-31,1,b,12-34"
    assert extracted(tmp_path, "a.csv", text).entities[0].name == "12-34 2026-01-05 to 2026-01-31"
    mixed = extracted(tmp_path, "a.csv", text + "\n2026-01-31,1,b,56-78").entities[0]
    assert mixed.name.startswith("Bank statement 2026-01-05 to 2026-01-31 (")


def test_each_row_of_a_contact_list_is_a_contact(tmp_path: Path) -> None:
    text = "First Name,Last Name,E-mail,Phone,Company\nAda,Lovelace,ADA@example.org,+44 20 7946 0815,Acme\n,,x@y.zz,,\n"
    extraction = extracted(tmp_path, "a.csv", text)
    assert extraction.document_type == "contact_list"
    assert [(each.type, each.name) for each in extraction.entities[1:]] == [
        ("contact", "Ada Lovelace"),
        ("organisation", "Acme"),
    ]
    assert told(extraction.entities[1])["email"] == "ada@example.org"
    assert extraction.links == (Link("part_of", 1, 0), Link("works_for", 1, 2))


def test_each_row_of_an_event_list_is_an_event(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.csv", "Title,Start,Location\nConcert,21 May 2027,Hall\n")
    assert extraction.document_type == "event_list"
    assert told(extraction.entities[1]) == {"event": "Concert", "starts_on": "2027-05-21", "venue": "Hall"}


def test_any_other_table_tells_its_columns_and_the_number_of_its_rows(tmp_path: Path) -> None:
    extraction = extracted(tmp_path, "a.csv", "metal,melts\niron,1538\n\ntin,232\n")
    (only,) = extraction.entities
    assert extraction.document_type == only.type == "table"
    assert (told(only)["rows"], told(only)["columns"]) == ("2", "metal, melts")
    assert [(chunk.place, chunk.text) for chunk in extraction.chunks] == [
        ("rows 1–4", "metal; melts\nmetal: iron; melts: 1538\n\nmetal: tin; melts: 232")
    ]


def test_a_date_and_an_amount_alone_make_no_statement(tmp_path: Path) -> None:
    assert extracted(tmp_path, "a.csv", "date,amount\n2026-01-05,1").document_type == "table"


def test_more_rows_than_a_memory_wants_are_found_only_by_searching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_ROWS", 2)
    extraction = extracted(tmp_path, "a.csv", STATEMENT)
    assert len(transactions(extraction)) == 2
    assert "Gift" in extraction.chunks[0].text


def test_columns_without_a_name_of_their_own_are_named_by_their_number() -> None:
    found = table.read("name,,name\nA,1\nB,2,3,4\n")
    assert found.columns == ("name", "column 2", "column 3", "column 4")
    assert [row.cells for row in found.rows] == [
        {"name": "A", "column 2": "1"},
        {"name": "B", "column 2": "2", "column 3": "3", "column 4": "4"},
    ]


def test_a_delimiter_is_the_one_most_frequent_in_the_header() -> None:
    for delimiter in ",;\t":
        assert table.read(f"a{delimiter}b\n1{delimiter}2").rows[0].cells == {"a": "1", "b": "2"}
    assert table.read('"a; b",c\n1,2').columns == ("a; b", "c")


def test_the_period_and_the_account_are_those_of_all_rows_also_of_those_that_become_no_entities(
    tmp_path: Path,
) -> None:
    bought = [f"2026-02-{1 + number % 28:02},1,purchase {number},12-34" for number in range(rows.MOST_ROWS)]
    text = "\n".join(
        ["Date,Amount,Description,Account", *bought, "2026-03-31,1,late,12-34", "2026-01-05,1,early,12-34"]
    )
    extraction = extracted(tmp_path, "a.csv", text)
    first = told(extraction.entities[0])
    assert (first["period_from"], first["period_to"], first["account"]) == ("2026-01-05", "2026-03-31", "12-34")
    assert extraction.title == "Bank statement 2026-01-05 to 2026-03-31"
    assert sum(each.type == "transaction" for each in extraction.entities) == rows.MOST_ROWS
    assert "account" not in told(extracted(tmp_path, "b.csv", f"{text}\n2026-01-06,1,other,56-78").entities[0])
