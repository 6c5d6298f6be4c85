"""Laboratory reports, prescriptions, vaccinations and letters of doctors."""

from neotoma.extraction.shapes import DocumentType, Told

HEALTH_RECORD = DocumentType(
    name="health_record",
    heading=r"(?:[a-z]+ )?(?:medical|health|laboratory|lab|vaccination) (?:record|report|results?)|prescription",
    patterns=(
        r"\bpatient\b",
        r"\b(?:diagnos[ie]s|diagnose|symptoms|prognosis|medical history)\b",
        r"\b(?:prescription|medication|dosage|dose|[0-9]+ ?mg|tablets?|rx)\b",
        r"\b(?:physician|doctor|dr\.|clinic|hospital|practice|surgery|arzt)",
        r"\b(?:blood pressure|heart rate|cholesterol|h(?:a)?emoglobin|glucose|reference range|specimen)\b",
        r"\b(?:vaccin(?:e|ation)|immuni[sz]ation|allerg(?:y|ies)|lot number)\b",
    ),
    told=(
        Told("patient", "text", ("patient name", "patient"), "person", "about"),
        Told(
            "record_number",
            "identifier",
            ("medical record number", "record number", "patient id", "mrn", "report number", "prescription number"),
        ),
        Told("born_on", "date", ("date of birth", "born", "dob")),
        Told(
            "visited_on",
            "date",
            (
                "date of visit",
                "visit date",
                "date of service",
                "appointment",
                "report date",
                "date of vaccination",
                "collected",
                "date issued",
                "date",
                "datum",
            ),
        ),
        Told("next_visit_on", "date", ("next appointment", "next visit", "follow-up", "follow up", "next dose")),
        Told("diagnosis", "text", ("primary diagnosis", "diagnosis", "diagnose")),
        Told("medication", "text", ("medication", "prescription", "drug", "vaccine")),
        Told(
            "doctor",
            "text",
            ("physician", "doctor", "attending physician", "prescribed by", "arzt"),
            "person",
            "signed_by",
        ),
        Told(
            "provider",
            "text",
            ("clinic", "hospital", "practice", "laboratory", "provider"),
            "organisation",
            "issued_by",
            letterhead=True,
        ),
    ),
    named_by=("patient", "visited_on"),
)
