"""Each type of document is recognised by two different patterns, and tells its fields."""

from pathlib import Path

import pytest
from apps.neotoma.tests.support_documents import extracted, told

from neotoma.extraction import findings, types

SAMPLES = {
    "invoice": (
        "Rechnung\nMüller GmbH\nRechnungsnummer: 2026-17\nRechnungsdatum: 05.01.2026\nZahlbar bis: 19.01.2026\n"
        "Rechnung an:\nAda Lovelace\nGesamtbetrag: 1.234,56 €\nMwSt: 197,11 €\n",
        "Müller GmbH 2026-17",
        {"issued_on": "2026-01-05", "due_on": "2026-01-19", "total": "1234.56 EUR", "tax": "197.11 EUR"},
        {("issued_by", "organisation", "Müller GmbH"), ("billed_to", "person", "Ada Lovelace")},
    ),
    "receipt": (
        "RECEIPT\nAcme Tools Ltd\nReceipt number R-99\nPayment date: Jan 7, 2026\nFor invoice: INV-2026-0042\n"
        "Amount paid: $1,200.00\nPayment method: Visa\nReceived from: Ada Lovelace\n",
        "Acme Tools Ltd R-99",
        {"paid_on": "2026-01-07", "total": "1200.00 USD", "method": "Visa", "invoice_number": "INV-2026-0042"},
        {
            ("issued_by", "organisation", "Acme Tools Ltd"),
            ("paid_by", "person", "Ada Lovelace"),
            ("settles", "invoice", "Acme Tools Ltd INV-2026-0042"),
        },
    ),
    "bank_statement": (
        "First Bank\nStatement of account\nAccount number: 12345678\nAccount holder: Ada Lovelace\n"
        "Statement date: 31 January 2026\nOpening balance  £100.00\nClosing balance  £-20.50\n",
        "First Bank 12345678 2026-01-31",
        {"opening_balance": "100.00 GBP", "closing_balance": "-20.50 GBP", "statement_on": "2026-01-31"},
        {("issued_by", "organisation", "First Bank"), ("held_by", "person", "Ada Lovelace")},
    ),
    "contract": (
        "SERVICE AGREEMENT\nContract number: C-7\nThis service agreement is made by and between the parties:\n"
        "Provider: Acme Tools Ltd\nCustomer: Ada Lovelace\nEffective date: 2026-02-01\nEnd date: 2027-01-31\n"
        "Fee: EUR 500\nGoverning law: England\n",
        "Acme Tools Ltd Ada Lovelace C-7",
        {"effective_on": "2026-02-01", "ends_on": "2027-01-31", "value": "500.00 EUR", "governing_law": "England"},
        {("made_with", "organisation", "Acme Tools Ltd"), ("made_with", "person", "Ada Lovelace")},
    ),
    "contact": (
        "Ada Lovelace\nJob title: Analyst\nCompany: Analytical Engines\nPhone: +44 20 7946 0815\n"
        "Email: Ada@Example.org\nWebsite: https://example.org/ada\nDate of birth: 10 December 1985\n",
        "Ada Lovelace",
        {"email": "ada@example.org", "phone": "+442079460815", "website": "https://example.org/ada",
         "born_on": "1985-12-10", "position": "Analyst"},
        {("works_for", "organisation", "Analytical Engines")},
    ),
    "event": (
        "E-TICKET\nEvent: Clarinet Quintets\nVenue: Harbour Hall\nDate: 21 May 2027, 19:30\nSeat: 12\n"
        "Ticket number: 004711\nPrice: 38,00 €\nOrganiser: Chamber Society\n",
        "Clarinet Quintets 2027-05-21",
        {"starts_on": "2027-05-21", "ticket_number": "004711", "seat": "12", "price": "38.00 EUR"},
        {("held_at", "place", "Harbour Hall"), ("organised_by", "organisation", "Chamber Society")},
    ),
    "payslip": (
        "Payslip\nEmployer: Acme Tools Ltd\nEmployee name: Ada Lovelace\nEmployee number: 77\n"
        "Pay date: 31 March 2026\nGross pay  EUR 5,200.00\nIncome tax  EUR 1,144.00\nNet pay  EUR 3,640.00\n",
        "Acme Tools Ltd Ada Lovelace 2026-03-31",
        {"gross": "5200.00 EUR", "net": "3640.00 EUR", "tax": "1144.00 EUR", "employee_number": "77"},
        {("issued_by", "organisation", "Acme Tools Ltd"), ("paid_to", "person", "Ada Lovelace")},
    ),
    "travel_booking": (
        "Booking confirmation\nBooking reference: QX7R2M\nAirline: Atlantic Wings\nFlight: AW 418\n"
        "Passenger: Ada Lovelace\nFrom: London\nTo: Lisbon\nDeparture: 3 December 2027 10:15\n"
        "Total price: EUR 318.40\n",
        "QX7R2M",
        {"departs_on": "2027-12-03", "flight": "AW 418", "total": "318.40 EUR"},
        {("provided_by", "organisation", "Atlantic Wings"), ("booked_for", "person", "Ada Lovelace"),
         ("departs_from", "place", "London"), ("goes_to", "place", "Lisbon")},
    ),
    "health_record": (
        "Medical report\nRiverside Clinic\nPatient: Ada Lovelace\nDate of birth: 10/12/1985\n"
        "Date of visit: 25/02/2026\nDiagnosis: in good health\nPhysician: Dr. Elizabeth Blackwell\n",
        "Ada Lovelace 2026-02-25",
        {"born_on": "1985-12-10", "visited_on": "2026-02-25", "diagnosis": "in good health"},
        {("about", "person", "Ada Lovelace"), ("signed_by", "person", "Dr. Elizabeth Blackwell"),
         ("issued_by", "organisation", "Riverside Clinic")},
    ),
    "insurance_policy": (
        "Insurance policy\nPolicy number: HH-77310-4\nInsurer: Harbour Mutual\nPolicyholder: Ada Lovelace\n"
        "Valid from: 1 January 2026\nValid until: 31 December 2026\nAnnual premium: EUR 214.80\nExcess: EUR 150\n",
        "Harbour Mutual HH-77310-4",
        {"starts_on": "2026-01-01", "ends_on": "2026-12-31", "premium": "214.80 EUR", "deductible": "150.00 EUR"},
        {("issued_by", "organisation", "Harbour Mutual"), ("insures", "person", "Ada Lovelace")},
    ),
    "certificate": (
        "Certificate of completion\nThis is to certify that\nAda Lovelace\nhas successfully completed\n"
        "Difference Engines I\nCertificate number: 12-34\nIssued by: Royal Institute\nDate of issue: 4 July 2026\n",
        "Royal Institute 12-34",
        {"awarded_to": "Ada Lovelace", "course": "Difference Engines I", "awarded_on": "2026-07-04"},
        {("awarded_to", "person", "Ada Lovelace"), ("issued_by", "organisation", "Royal Institute")},
    ),
    "recipe": (
        "Apple cake\nServes: 8\nPrep time: 20 minutes\nIngredients\n4 apples\nMethod\nPreheat the oven.\n",
        None,
        {"servings": "8", "preparation_time": "20 minutes"},
        set(),
    ),
    "document": (
        "Notes of Tuesday\nDate: 6 January 2026\nAuthor: Ada Lovelace\nWe spoke of punched cards.\n",
        None,
        {"title": "Notes of Tuesday", "date": "2026-01-06"},
        {("written_by", "person", "Ada Lovelace")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_each_type_is_recognised_with_its_fields_and_relations(tmp_path: Path, name: str) -> None:
    text, document, fields, relations = SAMPLES[name]
    extraction = extracted(tmp_path, "sample.txt", text)
    assert extraction.document_type == name
    first = extraction.entities[0]
    assert first.name == (document or findings.unnamed(extraction.title, extraction.chunks))
    assert fields.items() <= told(first).items()
    ends = [(link.type, extraction.entities[link.to_index]) for link in extraction.links if link.from_index == 0]
    assert {(relation, entity.type, entity.name) for relation, entity in ends} == relations


def test_there_is_a_sample_of_every_type() -> None:
    assert set(SAMPLES) == {kind.name for kind in types.TYPES} | {"document"}
    assert len(types.TYPES) >= 12


def test_one_pattern_is_not_enough(tmp_path: Path) -> None:
    for text in ("Invoice", "the patient waited", "Payslip", "Ingredients", "Certificate number: 7", "ada@example.org"):
        assert extracted(tmp_path, "a.txt", text).document_type == "document"


def test_most_patterns_win_and_the_earlier_type_of_equals() -> None:
    assert findings.recognised("invoice number 1\nfirst\nbill to: a\npatient with a diagnosis").name == "health_record"
    assert findings.recognised("invoice number 1\nbill to: a\nvat 20%\npatient with a diagnosis").name == "invoice"


def test_every_type_is_well_formed() -> None:
    for kind in (*types.TYPES, types.DOCUMENT):
        names = [field.name for field in kind.told]
        assert len(names) == len(set(names))
        assert set(kind.named_by) <= set(names)
        assert all(set(field.named) <= set(names) and bool(field.entity) == bool(field.link) for field in kind.told)
        assert all(label == label.lower() for field in kind.told for label in field.labels)
        assert kind is types.DOCUMENT or len(kind.expressions) >= findings.RECOGNISED_BY
    for table in types.TABLES:
        names = [column.name for column in table.columns]
        assert {*table.named_by, *(name for group in table.needs for name in group)} <= set(names)


def test_documents_that_only_share_their_first_line_are_not_the_same(tmp_path: Path) -> None:
    one, other = (extracted(tmp_path, "a.txt", f"Notes\n{text}") for text in ("tea", "milk"))
    assert one.title == other.title == "Notes"
    assert one.entities[0].name != other.entities[0].name


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Due date: 5 May 2026", "2026-05-05"),
        ("Due date 5 May 2026", "2026-05-05"),
        ("DUE DATE (latest) : Tuesday, 5 May 2026", "2026-05-05"),
        ("Due date ..... 2026-05-05", "2026-05-05"),
        ("Number: 7-A   Due date: 05.05.2026   Total: EUR 1", "2026-05-05"),
        ("Due date\n5 May 2026", "2026-05-05"),
        ("Overdue date: 5 May 2026", None),
        ("Due dates: 5 May 2026", None),
        ("Due date: 04/05/2026", None),
        ("Due date: soon", None),
        ("Due date:", None),
    ],
)
def test_a_label_announces_its_value(tmp_path: Path, line: str, value: str | None) -> None:
    text = f"Invoice number: 1-B\nBill to: Ada Lovelace\n{line}\n"
    assert told(extracted(tmp_path, "a.txt", text).entities[0]).get("due_on") == value


def test_a_number_is_no_date_and_an_account_is_checked_by_its_digits(tmp_path: Path) -> None:
    text = "Invoice 05.01.2026\nBill to: Ada Lovelace\nVAT included\nIBAN: GB82 WEST 1234 5698 7654 {}\n"
    right, wrong = (told(extracted(tmp_path, "a.txt", text.format(end)).entities[0]) for end in (32, 33))
    assert right["iban"] == "GB82WEST12345698765432"
    assert not {"iban", "number"} & set(wrong)


def test_nothing_is_linked_to_itself_and_nothing_is_there_twice() -> None:
    found = findings.Findings()
    one = found.add("person", "Ada Lovelace", {})
    assert found.add("person", "ADA  Lovelace", {}) == one
    found.link("knows", one, one)
    assert found.extraction("a", ()).links == ()


def test_a_label_of_one_word_needs_a_mark_before_a_text(tmp_path: Path) -> None:
    text = "Invoice number: 1-B\nVAT included\n{}\n"
    for line, issuer in (("From the very beginning", None), ("From: Acme", "Acme"), ("From   Acme", "Acme")):
        found = told(extracted(tmp_path, "a.txt", text.format(line)).entities[0])
        assert found.get("issuer") == issuer


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("Ada Lovelace", "person"), ("Ada King Lovelace", "person"), ("Dr. Elizabeth Blackwell", "person"),
        ("Acme", "organisation"), ("Acme Tools Ltd", "organisation"), ("Müller GmbH", "organisation"),
        ("ada lovelace", "organisation"), ("Studio 54 North", "organisation"), ("First Bank", "organisation"),
    ],
)  # fmt: skip
def test_a_party_is_a_person_or_an_organisation_by_its_name(name: str, type: str) -> None:
    assert findings.party(name) == type
