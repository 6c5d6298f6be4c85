"""Bank statements, on paper. As CSV files they are in tables.py."""

from neotoma.extraction.shapes import DocumentType, Told

BANK_STATEMENT = DocumentType(
    name="bank_statement",
    heading=r"(?:bank |account )?statement(?: of account)?|kontoauszug",
    patterns=(
        r"\b(?:bank statement|account statement|statement of account|kontoauszug)\b",
        r"\b(?:opening|previous|starting) balance\b|\balter saldo\b",
        r"\b(?:closing|ending|new) balance\b|\bneuer saldo\b",
        r"\bstatement (?:period|date|no|number)\b",
        r"\b(?:iban|account (?:no|number)|sort code|bic|swift)\b",
        r"\b(?:total )?(?:deposits|withdrawals|credits and debits|money in|money out)\b",
    ),
    told=(
        Told("account", "iban", ("iban", "account iban")),
        Told("account_number", "identifier", ("account number", "account no", "kontonummer")),
        Told("statement_number", "identifier", ("statement number", "statement no")),
        Told("statement_on", "date", ("statement date", "date of statement", "closing date", "date", "datum")),
        Told("opening_balance", "money", ("opening balance", "previous balance", "starting balance", "alter saldo")),
        Told("closing_balance", "money", ("closing balance", "ending balance", "new balance", "neuer saldo")),
        Told("bank", "text", ("bank", "issued by"), "organisation", "issued_by", letterhead=True),
        Told("holder", "text", ("account holder", "account name", "holder", "kontoinhaber"), "party", "held_by"),
    ),
    named_by=("bank", "account_number", "statement_on"),
)
