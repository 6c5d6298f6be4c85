"""Invitations and tickets."""

from neotoma.extraction.shapes import DocumentType, Told

EVENT = DocumentType(
    name="event",
    heading=r"(?:event|e-?)?(?: ?ticket| invitation)|invitation|admit one|admission ticket",
    patterns=(
        r"\b(?:e-?ticket|event ticket|admission ticket|admit one|ticket (?:no|number|id|holder|type))\b",
        r"\b(?:you are invited|invites you|invitation|rsvp|save the date)\b",
        r"^(?:venue|location|where|hall|stage) *:",
        r"^(?:doors(?: open)?|starts?(?: at)?|begins|event date|when) *:",
        r"\b(?:seat|row|section|gate|general admission) *[:0-9]",
        r"^(?:event|organi[sz]er|host|speaker|performer|attendee) *:",
    ),
    told=(
        Told("event", "text", ("event name", "event", "performance", "concert")),
        Told("starts_on", "date", ("event date", "starts on", "starts", "start", "when", "date", "datum")),
        Told("ends_on", "date", ("ends on", "ends", "end date", "until")),
        Told("reply_by", "date", ("rsvp by", "reply by", "rsvp")),
        Told("venue", "text", ("venue", "location", "where"), "place", "held_at"),
        Told(
            "organiser",
            "text",
            ("organiser", "organizer", "host", "hosted by", "presented by"),
            "party",
            "organised_by",
        ),
        Told("attendee", "text", ("attendee", "ticket holder", "guest", "name"), "person", "attended_by"),
        Told("ticket_number", "identifier", ("ticket number", "ticket no", "ticket id", "order number")),
        Told("seat", "text", ("seat",)),
        Told("price", "money", ("ticket price", "price", "total")),
    ),
    named_by=("event", "starts_on"),
)
