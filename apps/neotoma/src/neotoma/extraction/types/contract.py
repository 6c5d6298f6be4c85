"""Contracts, agreements and leases."""

from neotoma.extraction.shapes import DocumentType, Told

CONTRACT = DocumentType(
    name="contract",
    heading=r"(?:[a-z]+ ){0,3}(?:contract|agreement|vertrag|lease)",
    patterns=(
        r"^(?:[a-z]+ ){0,3}(?:contract|agreement|vertrag|lease)$",
        r"\b(?:this|the) (?:[a-z]+ ){0,3}(?:agreement|contract|lease) (?:is|was|shall|begins|takes|may|between)\b",
        r"\b(?:hereinafter|hereby|hereto|whereas|witnesseth)\b",
        r"\b(?:the parties|between the parties|by and between|in witness whereof)\b",
        r"\b(?:governing law|governed by|jurisdiction|termination|term of (?:the )?agreement|effective date)\b",
        r"\b(?:signed by|signature|signatory)\b",
    ),
    told=(
        Told("number", "identifier", ("contract number", "contract no", "agreement number", "agreement no")),
        Told(
            "effective_on",
            "date",
            ("effective date", "effective from", "start date", "commencement date", "dated", "date"),
        ),
        Told("ends_on", "date", ("end date", "expiry date", "expires on", "termination date", "valid until")),
        Told("signed_on", "date", ("date of signature", "signed on", "date signed")),
        Told("value", "money", ("contract value", "total value", "fee", "price", "rent", "monthly rent")),
        Told(
            "first_party",
            "text",
            ("party a", "first party", "provider", "employer", "landlord", "licensor", "seller", "client"),
            "party",
            "made_with",
        ),
        Told(
            "second_party",
            "text",
            ("party b", "second party", "contractor", "employee", "tenant", "licensee", "buyer", "customer"),
            "party",
            "made_with",
        ),
        Told("governing_law", "text", ("governing law",)),
    ),
    named_by=("first_party", "second_party", "number"),
)
