"""Bookings of flights, trains, hotels and cars."""

from neotoma.extraction.shapes import DocumentType, Told

TRAVEL_BOOKING = DocumentType(
    name="travel_booking",
    heading=r"(?:(?:flight|hotel|travel|booking|reservation) ){0,2}(?:confirmation|itinerary|boarding pass|booking)",
    patterns=(
        r"\b(?:booking|reservation|confirmation) (?:reference|number|code|no|id|confirmation)\b|\bpnr\b",
        r"\b(?:flight|boarding pass|airline|e-?ticket receipt)\b",
        r"\b(?:departure|departs|depart(?:ing)? from|arrival|arrives)\b",
        r"\bcheck[- ]?(?:in|out)\b",
        r"\b(?:passenger|traveller|traveler|guest name|number of guests)\b",
        r"\b(?:hotel|room type|nights|itinerary|train|platform|coach|rental car|pick[- ]up)\b",
    ),
    told=(
        Told(
            "reference",
            "identifier",
            (
                "booking reference",
                "reservation number",
                "confirmation number",
                "booking number",
                "confirmation code",
                "booking code",
                "reservation code",
                "booking id",
                "pnr",
            ),
        ),
        Told("departs_on", "date", ("departure date", "departure", "departs", "outbound", "travel date")),
        Told("arrives_on", "date", ("arrival date", "arrival", "arrives")),
        Told("returns_on", "date", ("return date", "return", "inbound")),
        Told("check_in_on", "date", ("check-in", "check in", "checkin", "arrival")),
        Told("check_out_on", "date", ("check-out", "check out", "checkout")),
        Told("flight", "text", ("flight number", "flight no", "flight")),
        Told("origin", "text", ("from", "origin", "departing from"), "place", "departs_from"),
        Told("destination", "text", ("to", "destination", "arriving at"), "place", "goes_to"),
        Told(
            "provider",
            "text",
            ("airline", "hotel", "carrier", "operated by", "property", "railway"),
            "organisation",
            "provided_by",
        ),
        Told(
            "traveller",
            "text",
            ("passenger name", "passenger", "traveller", "traveler", "guest name", "guest"),
            "person",
            "booked_for",
        ),
        Told("total", "money", ("total price", "total cost", "total fare", "total amount", "total", "price")),
    ),
    named_by=("reference",),
)
