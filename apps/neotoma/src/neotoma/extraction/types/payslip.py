"""Payslips: what an employer pays and keeps back."""

from neotoma.extraction.shapes import DocumentType, Told

PAYSLIP = DocumentType(
    name="payslip",
    heading=r"pay ?slip|pay ?stub|salary statement|wage slip|gehaltsabrechnung|lohnabrechnung|earnings statement",
    patterns=(
        r"\b(?:pay ?slip|pay ?stub|salary statement|wage slip|earnings statement|(?:gehalts|lohn)abrechnung)\b",
        r"\b(?:gross (?:pay|salary|wages|earnings)|brutto(?:lohn|gehalt)?)\b",
        r"\b(?:net (?:pay|salary|wages|earnings)|take[- ]home pay|netto(?:lohn|gehalt)?)\b",
        r"\b(?:pay period|pay date|payment period|pay run)\b",
        r"\b(?:income tax|national insurance|social security|tax code|withholding|lohnsteuer|deductions)\b",
        r"\bemployee (?:id|no|number|name)\b",
    ),
    told=(
        Told("paid_on", "date", ("pay date", "payment date", "paid on", "date", "datum")),
        Told("period_from", "date", ("pay period", "period", "period from")),
        Told("gross", "money", ("gross pay", "gross salary", "gross wages", "gross earnings", "gross", "brutto")),
        Told("net", "money", ("net pay", "net salary", "net wages", "net earnings", "take-home pay", "net", "netto")),
        Told("tax", "money", ("income tax", "tax withheld", "lohnsteuer", "tax")),
        Told("deductions", "money", ("total deductions", "deductions")),
        Told("employee_number", "identifier", ("employee number", "employee id", "employee no")),
        Told("employer", "text", ("employer", "company"), "organisation", "issued_by", letterhead=True),
        Told("employee", "text", ("employee name", "employee"), "person", "paid_to"),
    ),
    named_by=("employer", "employee", "paid_on"),
)
