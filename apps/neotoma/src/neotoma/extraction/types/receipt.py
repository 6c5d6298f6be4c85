"""Receipts: what somebody confirms to have been paid."""

from neotoma.extraction.shapes import DocumentType, Told

RECEIPT = DocumentType(
    name="receipt",
    heading=r"(?:sales |payment |official )?receipt|quittung|kassenbon",
    patterns=(
        r"^(?:sales |payment |official )?(?:receipt|quittung|kassenbon)$",
        r"\breceipt (?:no|number|date|#)",
        r"\b(?:amount paid|payment received|total paid|paid on|paid in full|betrag erhalten)\b",
        r"\b(?:paid (?:with|by)|payment method|card ending|(?:visa|mastercard|debit card|cash) *[:*x])",
        r"\b(?:change(?: due)?|rückgeld) *:? *[€$£]?[0-9]",
        r"\b(?:cashier|thank you for (?:your purchase|your payment|shopping)|terminal id|till)\b",
    ),
    told=(
        Told("number", "identifier", ("receipt number", "receipt no", "receipt #", "transaction id", "receipt")),
        Told("paid_on", "date", ("paid on", "payment date", "date paid", "receipt date", "date", "datum")),
        Told("total", "money", ("amount paid", "total paid", "payment received", "grand total", "total", "summe")),
        Told("method", "text", ("payment method", "paid with", "paid by")),
        Told(
            "merchant",
            "text",
            ("merchant", "store", "received by", "sold by", "issued by"),
            "organisation",
            "issued_by",
            letterhead=True,
        ),
        Told("payer", "text", ("received from", "paid from", "payer", "customer"), "party", "paid_by"),
        Told(
            "invoice_number",
            "identifier",
            ("invoice number", "invoice no", "for invoice", "payment for invoice", "invoice #", "invoice"),
            "invoice",
            "settles",
            named=("merchant", "invoice_number"),
        ),
    ),
    named_by=("merchant", "number"),
)
