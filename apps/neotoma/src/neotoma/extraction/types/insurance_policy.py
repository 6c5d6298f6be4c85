"""Insurance policies and certificates of cover."""

from neotoma.extraction.shapes import DocumentType, Told

INSURANCE_POLICY = DocumentType(
    name="insurance_policy",
    heading=r"(?:[a-z]+ )?insurance (?:policy|certificate)|policy schedule|versicherungsschein",
    patterns=(
        r"\b(?:insurance policy|insurance certificate|certificate of insurance|policy schedule|versicherungsschein)\b",
        r"\bpolicy (?:number|no|holder|period)\b|\bpolicyholder\b|\bversicherungsnehmer\b",
        r"\b(?:premium|versicherungsbeitrag)\b",
        r"\b(?:deductible|excess|coverage|sum insured|insured amount|limit of liability|versicherungssumme)\b",
        r"\b(?:insurer|insured person|underwrit(?:er|ten)|beneficiary|the insured)\b",
    ),
    told=(
        Told("number", "identifier", ("policy number", "policy no", "certificate number", "versicherungsnummer")),
        Told(
            "starts_on",
            "date",
            (
                "start date",
                "effective date",
                "inception date",
                "policy start",
                "valid from",
                "policy period",
                "cover starts",
                "from",
            ),
        ),
        Told(
            "ends_on",
            "date",
            ("end date", "expiry date", "expiration date", "policy end", "valid until", "renewal date", "cover ends"),
        ),
        Told("premium", "money", ("annual premium", "monthly premium", "total premium", "premium")),
        Told("sum_insured", "money", ("sum insured", "insured amount", "coverage", "limit of liability")),
        Told("deductible", "money", ("deductible", "excess")),
        Told(
            "insurer",
            "text",
            ("insurer", "insurance company", "underwritten by", "underwriter"),
            "organisation",
            "issued_by",
            letterhead=True,
        ),
        Told(
            "policyholder",
            "text",
            ("policyholder", "policy holder", "insured person", "insured", "versicherungsnehmer"),
            "party",
            "insures",
        ),
    ),
    named_by=("insurer", "number"),
)
