"""Documents for the tests of extraction, made on the spot."""

from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from neotoma.extraction import reading
from neotoma.extraction.model import Extraction, Found

INVOICE = """INVOICE
Acme Tools Ltd
12 Mill Lane, York

Invoice number: INV-2026-0042
Invoice date: 5 January 2026
Due date: 04/02/2026
Delivered on 13/01/2026

Bill to:
Ada Lovelace

Subtotal  EUR 1,000.00
VAT (20%): EUR 200.00
Total due: EUR 1,200.00
"""


def extracted(folder: Path, name: str, content: str | bytes) -> Extraction:
    """What is extracted from a file of this name and content."""
    path = folder / "stored"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return reading.extract(path, name)


def told(found: Found) -> dict[str, str]:
    """The values of an entity's fields, by name."""
    return {name: field.value for name, field in found.fields.items()}


def pdf(*pages: str, password: str = "") -> bytes:
    """A PDF with these pages of text; one with a password if one is given."""
    document = FPDF()
    if password:
        document.set_encryption(owner_password=password, user_password=password)
    for page in pages:
        document.add_page()
        document.set_font("helvetica", size=12)
        for line in page.splitlines():
            document.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    return bytes(document.output())


def scanned_pdf(*pictures: bytes) -> bytes:
    """A PDF whose pages are pictures."""
    document = FPDF()
    for picture in pictures:
        document.add_page()
        document.image(BytesIO(picture), w=180)
    return bytes(document.output())


def picture(text: str, format: str = "PNG", size: tuple[int, int] = (1000, 700), letters: int = 22) -> bytes:
    """A picture of these lines."""
    image = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(letters)
    for number, line in enumerate(text.splitlines()):
        draw.text((letters, letters + number * letters * 1.7), line, font=font, fill=0)
    return encoded(image, format)


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    """The bytes of an image file."""
    file = BytesIO()
    image.save(file, format)
    return file.getvalue()
