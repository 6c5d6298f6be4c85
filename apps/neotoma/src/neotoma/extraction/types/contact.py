"""Business cards and pages about one person."""

from neotoma.extraction.shapes import DocumentType, Told

CONTACT = DocumentType(
    name="contact",
    heading=r"(?:business card|contact(?: details| information)?|vcard)",
    patterns=(
        r"^(?:business card|contact details|contact information|begin:vcard)$",
        r"\b[\w.+-]{1,64}@[\w-]{1,63}\.[\w-]",
        r"(?:^|[ ;|])(?:phone|telephone|tel|mobile|cell|fax|telefon|mobil)\b *[.:]? *[+(0-9]",
        r"^(?:job title|position|title|role|company|organi[sz]ation|address|linkedin|website|web) *:",
        r"^(?:full name|name|fn) *:",
    ),
    told=(
        Told("name", "text", ("full name", "name", "fn"), letterhead=True),
        Told("email", "email", ("e-mail", "email", "mail")),
        Told("phone", "phone", ("phone", "telephone", "tel", "mobile", "cell", "telefon", "mobil")),
        Told("position", "text", ("job title", "position", "title", "role")),
        Told(
            "organisation",
            "text",
            ("company", "organisation", "organization", "employer", "org"),
            "organisation",
            "works_for",
        ),
        Told("address", "text", ("address", "adresse")),
        Told("born_on", "date", ("date of birth", "birthday", "born")),
        Told("website", "url", ("website", "web", "url")),
    ),
    named_by=("name",),
)
