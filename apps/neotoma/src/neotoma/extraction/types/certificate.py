"""Certificates and diplomas."""

from neotoma.extraction.shapes import DocumentType, Told

CERTIFICATE = DocumentType(
    name="certificate",
    heading=r"certificate(?: of [a-z]+)?|diploma|zertifikat",
    patterns=(
        r"\b(?:certificate of (?:completion|achievement|attendance|participation|appreciation|training)|diploma)\b",
        r"\b(?:this (?:is to )?certif(?:y|ies)|hereby certif(?:y|ies))\b",
        r"\b(?:has (?:successfully )?(?:completed|passed|attended)|is awarded to|awarded to|presented to)\b",
        r"\b(?:certificate (?:no|number|id)|credential id)\b",
        r"\b(?:course|degree|with (?:honou?rs|distinction)|credits|grade)\b *:?",
    ),
    told=(
        Told("number", "identifier", ("certificate number", "certificate no", "certificate id", "credential id")),
        Told(
            "awarded_to",
            "text",
            ("awarded to", "presented to", "this is to certify that", "this certifies that", "name"),
            "person",
            "awarded_to",
        ),
        Told("course", "text", ("has successfully completed", "has completed", "course", "degree", "title", "for")),
        Told(
            "awarded_on",
            "date",
            (
                "date of issue",
                "issued on",
                "awarded on",
                "date of completion",
                "completed on",
                "issue date",
                "date",
                "on",
            ),
        ),
        Told("expires_on", "date", ("expires on", "expiry date", "valid until")),
        Told("grade", "text", ("grade", "score")),
        Told(
            "issuer",
            "text",
            ("issued by", "awarded by", "issuer", "institution"),
            "organisation",
            "issued_by",
            letterhead=True,
        ),
    ),
    named_by=("issuer", "number"),
)
