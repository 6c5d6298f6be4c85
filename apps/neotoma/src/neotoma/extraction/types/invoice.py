"""Invoices: what somebody asks to be paid."""

from neotoma.extraction.shapes import DocumentType, Told

INVOICE = DocumentType(
    name="invoice",
    heading=r"(?:tax |commercial )?invoice|rechnung",
    patterns=(
        r"^(?:tax |commercial )?(?:invoice|rechnung)$",
        r"\b(?:invoice (?:no|number|id|date)\b|invoice ?#|rechnungs(?:nummer|datum|nr))",
        r"\b(?:bill(?:ed)? to|invoice to|rechnung an)\b",
        r"\b(?:amount due|balance due|total due|amount payable|rechnungsbetrag|zahlbar bis)\b",
        r"\b(?:due date|payment due|payment terms|due on|fällig am)\b",
        r"\b(?:vat|gst|ust-?id|mwst)\b",
        r"\bsub-?total\b|\bzwischensumme\b",
    ),
    told=(
        Told(
            "number",
            "identifier",
            (
                "invoice number",
                "invoice no",
                "invoice id",
                "invoice #",
                "invoice",
                "rechnungsnummer",
                "rechnungs-nr",
                "rechnung nr",
            ),
        ),
        Told(
            "issued_on",
            "date",
            ("invoice date", "date of issue", "issue date", "issued on", "issued", "rechnungsdatum", "date", "datum"),
        ),
        Told(
            "due_on",
            "date",
            ("due date", "payment due", "due on", "pay by", "due by", "due", "zahlbar bis", "fällig am"),
        ),
        Told(
            "total",
            "money",
            (
                "total due",
                "amount due",
                "balance due",
                "amount payable",
                "grand total",
                "invoice total",
                "total amount",
                "rechnungsbetrag",
                "gesamtbetrag",
                "total",
                "summe",
            ),
        ),
        Told("tax", "money", ("vat", "tax", "gst", "sales tax", "mwst")),
        Told(
            "issuer",
            "text",
            ("from", "issued by", "seller", "vendor", "supplier", "rechnungssteller"),
            "organisation",
            "issued_by",
            letterhead=True,
        ),
        Told(
            "billed_to",
            "text",
            ("bill to", "billed to", "invoice to", "customer", "client", "rechnung an", "kunde"),
            "party",
            "billed_to",
        ),
        Told("order_number", "identifier", ("order number", "purchase order", "po number", "order no")),
        Told("iban", "iban", ("iban",)),
    ),
    named_by=("issuer", "number"),
)
