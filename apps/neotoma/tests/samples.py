"""Writes the sample documents that ``neotoma demo`` uploads: ``python apps/neotoma/tests/samples.py FOLDER``.

The files are part of the package, for those who run the demo have neither fpdf2 nor a reason to wait.
"""

import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

MADE = datetime(2026, 4, 1, tzinfo=UTC)
PDFS = {
    "invoice-2026-0042.pdf": """Nordwind Paper Ltd
INVOICE
Invoice number: NP-2026-0042
Invoice date: 1 March 2026
Due date: 15 March 2026
Bill to: Analytical Engines

Description                          Amount
Printing paper, 40 reams             EUR 860.00
Punched cards, 12 boxes              EUR 180.00

Subtotal: EUR 1,040.00
VAT 20 %: EUR 208.00
Total due: EUR 1,248.00
IBAN: DE89 3704 0044 0532 0130 00""",
    "flight-to-lisbon.pdf": """Booking confirmation
Booking reference: QX7R2M
Airline: Atlantic Wings
Flight: AW 418
Passenger: Ada Lovelace
From: London
To: Lisbon
Departure: 3 December 2027
Return: 10 December 2027
Seat: 14A
Total price: EUR 318.40""",
    "payslip-march.pdf": """Payslip
Employer: Analytical Engines
Employee name: Ada Lovelace
Employee number: 1815
Pay period: 1 March 2026 to 31 March 2026
Pay date: 31 March 2026
Gross pay: EUR 5,200.00
Income tax: EUR 1,144.00
Social security: EUR 416.00
Net pay: EUR 3,640.00""",
    "insurance-policy.pdf": """Insurance policy
Policy number: HH-77310-4
Insurer: Harbour Mutual
Policyholder: Ada Lovelace
Start date: 1 January 2026
Renewal date: 31 December 2027
Annual premium: EUR 214.80
Deductible: EUR 150.00
Sum insured: EUR 60,000.00""",
}
TEXTS = {
    "lease.txt": """Residential lease agreement

This agreement is made by and between the parties below.
Agreement number: L-2025-118
Landlord: Charles Babbage
Tenant: Ada Lovelace
Start date: 1 September 2025
End date: 31 August 2028
Monthly rent: EUR 1,150.00
Governing law: England and Wales
Termination: three months' notice in writing, to the end of a month.
""",
    "vaccination.txt": """Vaccination record
Clinic: Riverside Clinic
Patient: Ada Lovelace
Date of birth: 10 December 1985
Vaccine: Tetanus and diphtheria
Date of vaccination: 12 February 2026
Next dose: 12 February 2036
Physician: Dr. Elizabeth Blackwell
""",
    "concert-ticket.txt": """Event ticket
Event: Evening of Clarinet Quintets
Event date: 21 May 2027
Doors: 19:00
Venue: Harbour Concert Hall
Organiser: Lisbon Chamber Society
Attendee: Ada Lovelace
Ticket number: 004711
Seat: 12
Price: EUR 38.00
""",
    "statement-march.csv": """Date,Counterparty,Description,Amount,Currency,Account
2026-03-02,Analytical Engines,Salary February,3640.00,EUR,DE02120300000000202051
2026-03-03,Charles Babbage,Rent March,-1150.00,EUR,DE02120300000000202051
2026-03-09,Cafe Morgenrot,Breakfast,-14.70,EUR,DE02120300000000202051
2026-03-12,Nordwind Paper Ltd,Invoice NP-2026-0042,-1248.00,EUR,DE02120300000000202051
2026-03-18,Atlantic Wings,Booking QX7R2M,-318.40,EUR,DE02120300000000202051
2026-03-27,Harbour Mutual,Premium HH-77310-4,-214.80,EUR,DE02120300000000202051
""",
    "contacts.csv": """Name,Email,Phone,Company,Job title,Birthday
Ada Lovelace,ada@example.org,+44 20 7946 0815,Analytical Engines,Analyst,1985-12-10
Charles Babbage,charles@example.org,+44 20 7946 0101,Babbage Properties,Landlord,1961-12-26
Elizabeth Blackwell,blackwell@example.org,+44 20 7946 0202,Riverside Clinic,Physician,1971-02-03
Grace Hopper,grace@example.org,+1 202 555 0147,Harbour Mutual,Underwriter,1976-12-09
""",
}
RECEIPT = """Cafe Morgenrot
RECEIPT
Receipt number: 30917
Date: 9 March 2026

2 Coffee            EUR 7.20
1 Breakfast         EUR 7.50
Total: EUR 14.70
Payment method: Card"""
LETTER = """Riverside Clinic

Dear Ada Lovelace,

your next appointment: 14 January 2027
Patient: Ada Lovelace
Physician: Dr. Elizabeth Blackwell
Diagnosis: none, in good health

Please bring your vaccination record."""


def write(folder: Path) -> None:
    """Write every sample."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    for name, text in PDFS.items():
        (folder / name).write_bytes(pdf(text))
    photograph(RECEIPT, (900, 640)).save(folder / "receipt-cafe.png", optimize=True)
    (folder / "scanned-letter.pdf").write_bytes(scan(photograph(LETTER, (1240, 760))))


def pdf(text: str) -> bytes:
    """A PDF with the lines of a text."""
    document = FPDF()
    document.set_creation_date(MADE)
    document.add_page()
    heading, *lines = text.splitlines()
    document.set_font("Helvetica", "B", 18)
    document.cell(text=heading, h=12, new_x="LMARGIN", new_y="NEXT")
    document.set_font("Courier", size=11)
    for line in lines:
        document.cell(text=line or " ", h=7, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def scan(image: Image.Image) -> bytes:
    """A PDF of nothing but a picture."""
    document = FPDF()
    document.set_creation_date(MADE)
    document.add_page()
    picture = BytesIO()
    image.save(picture, "PNG", optimize=True)
    document.image(picture, x=10, y=10, w=190)
    return bytes(document.output())


def photograph(text: str, size: tuple[int, int]) -> Image.Image:
    """A text as a picture."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).multiline_text((60, 50), text, 0, ImageFont.load_default(34), spacing=22)
    return image.quantize(16)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
