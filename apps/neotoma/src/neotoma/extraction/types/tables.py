"""Tables whose rows are known kinds of things."""

from neotoma.extraction.shapes import Column, TableType

BANK_STATEMENT_TABLE = TableType(
    name="bank_statement",
    row="transaction",
    columns=(
        Column(
            "booked_on",
            "date",
            (
                "date",
                "booking date",
                "transaction date",
                "posted date",
                "posting date",
                "booked",
                "completed date",
                "buchungstag",
                "buchungsdatum",
                "datum",
            ),
        ),
        Column("amount", "money", ("amount", "value", "betrag", "umsatz", "transaction amount")),
        Column(
            "description",
            "text",
            ("description", "details", "memo", "reference", "purpose", "narrative", "verwendungszweck", "buchungstext"),
        ),
        Column("balance", "money", ("balance", "running balance", "saldo", "kontostand")),
        Column(
            "counterparty",
            "text",
            (
                "counterparty",
                "payee",
                "payer",
                "beneficiary",
                "recipient",
                "merchant",
                "auftraggeber / empfänger",
                "empfänger",
            ),
        ),
        Column("debit", "money", ("debit", "withdrawal", "money out", "paid out", "soll")),
        Column("credit", "money", ("credit", "deposit", "money in", "paid in", "haben")),
        Column("value_on", "date", ("value date", "wertstellung", "valuta"), telling=False),
        Column("category", "text", ("category", "kategorie"), telling=False),
        Column("account", "text", ("account", "iban", "account number", "konto"), telling=False),
        Column("currency", "currency", ("currency", "währung"), telling=False),
    ),
    needs=(("booked_on",), ("amount", "debit", "credit"), ("description", "counterparty", "balance")),
    named_by=("account", "booked_on", "counterparty", "description", "amount", "debit", "credit"),
)
CONTACT_LIST = TableType(
    name="contact_list",
    row="contact",
    columns=(
        Column("name", "text", ("name", "full name", "display name", "contact", "contact name")),
        Column("first_name", "text", ("first name", "given name", "firstname", "vorname")),
        Column("last_name", "text", ("last name", "surname", "family name", "lastname", "nachname")),
        Column("email", "email", ("email", "e-mail", "email address", "e-mail address", "mail", "e-mail 1 - value")),
        Column("phone", "phone", ("phone", "telephone", "mobile", "phone number", "mobile phone", "cell", "telefon")),
        Column("organisation", "text", ("company", "organisation", "organization", "employer", "firma")),
        Column("position", "text", ("job title", "title", "position", "role"), telling=False),
        Column("address", "text", ("address", "street", "home address", "adresse"), telling=False),
        Column("city", "text", ("city", "town", "ort"), telling=False),
        Column("country", "text", ("country", "land"), telling=False),
        Column("born_on", "date", ("birthday", "date of birth", "born", "geburtstag"), telling=False),
    ),
    needs=(("name", "first_name", "last_name"), ("email", "phone")),
    named_by=("name", "first_name", "last_name"),
    linked=("organisation", "organisation", "works_for"),
)
EVENT_LIST = TableType(
    name="event_list",
    row="event",
    columns=(
        Column("event", "text", ("event", "title", "subject", "summary", "event name")),
        Column("starts_on", "date", ("start", "start date", "date", "starts", "begin", "event date")),
        Column("ends_on", "date", ("end", "end date", "ends")),
        Column("venue", "text", ("venue", "location", "place", "where")),
        Column("organiser", "text", ("organiser", "organizer", "host"), telling=False),
        Column("description", "text", ("description", "notes"), telling=False),
    ),
    needs=(("event",), ("starts_on",), ("venue", "ends_on")),
    named_by=("event", "starts_on"),
    linked=("venue", "place", "held_at"),
)
