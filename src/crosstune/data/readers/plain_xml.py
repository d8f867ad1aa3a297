"""XML without document types: no entity is ever expanded, and nothing outside the file is looked at."""

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

LARGEST = 5_000_000
"""Bytes of a file."""


class BadXml(ValueError):
    """The bytes are no XML, or declare a document type."""


def parse(content: bytes) -> Element:
    """Parse a small XML file.

    Entities can only be declared in a document type, and a file that has one is refused before anything of it
    is used: neither outside files nor expansion without end are possible.

    Raises ``BadXml``.
    Checked by: ``tests/data/readers/test_boxes.py``.
    """
    if len(content) > LARGEST:
        raise BadXml(f"larger than {LARGEST:,} bytes")
    builder = TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:  # noqa: ANN401
        raise BadXml("a document type is declared (<!DOCTYPE ...>), which labels do not need")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except BadXml:
        raise
    except (expat.ExpatError, ValueError) as error:  # the latter for encodings that expat does not know
        raise BadXml(str(error)) from None
    return builder.close()


def text_of(element: Element | None, path: str) -> str:
    """Return the text at a path below an element, without white space around it; else an empty one."""
    found = None if element is None else element.find(path)
    return (found.text or "").strip() if found is not None else ""
