"""A title for a document, taken from its own words."""

import textwrap

from neotoma.extraction import Extraction

LONGEST = 80  # characters


def title_of(extraction: Extraction) -> str:
    """The first fact, shortened at a word."""
    first = extraction.facts[0].text
    return textwrap.shorten(first, LONGEST, placeholder=" …") if " " in first[:LONGEST] else first[:LONGEST]
