"""The types of documents that are recognised.

To add one: write a file beside this one with a DocumentType (or, for CSV files, a TableType in ``tables.py``), and
name it in TYPES. Give it two or more patterns that do not match the same words, for two different ones must match;
then a sample in ``tests/test_extraction_types.py``. Where two types match as well, the one earlier in TYPES wins, so
put what is more special first. Anything else is a ``document``, or a ``table`` when it is a CSV file.
"""

from neotoma.extraction.shapes import DocumentType, TableType, Told
from neotoma.extraction.types.bank_statement import BANK_STATEMENT
from neotoma.extraction.types.certificate import CERTIFICATE
from neotoma.extraction.types.contact import CONTACT
from neotoma.extraction.types.contract import CONTRACT
from neotoma.extraction.types.event import EVENT
from neotoma.extraction.types.health_record import HEALTH_RECORD
from neotoma.extraction.types.insurance_policy import INSURANCE_POLICY
from neotoma.extraction.types.invoice import INVOICE
from neotoma.extraction.types.payslip import PAYSLIP
from neotoma.extraction.types.receipt import RECEIPT
from neotoma.extraction.types.recipe import RECIPE
from neotoma.extraction.types.tables import BANK_STATEMENT_TABLE, CONTACT_LIST, EVENT_LIST
from neotoma.extraction.types.travel_booking import TRAVEL_BOOKING

TYPES: tuple[DocumentType, ...] = (
    PAYSLIP,
    INSURANCE_POLICY,
    HEALTH_RECORD,
    BANK_STATEMENT,
    TRAVEL_BOOKING,
    INVOICE,
    RECEIPT,
    CERTIFICATE,
    CONTRACT,
    EVENT,
    RECIPE,
    CONTACT,
)
TABLES: tuple[TableType, ...] = (BANK_STATEMENT_TABLE, CONTACT_LIST, EVENT_LIST)
DOCUMENT = DocumentType(
    name="document",
    heading="document",
    patterns=(),
    told=(
        Told("date", "date", ("date", "datum")),
        Told("author", "text", ("author", "written by"), "person", "written_by"),
        Told("subject", "text", ("subject", "re", "betreff")),
    ),
)
"""What a text is that no type claims."""
