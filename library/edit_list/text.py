"""Texts and paths as the files of several formats hold them: data, whatever is in them."""

import os
import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from urllib.parse import quote

from library.edit_list.cuts import Cut
from util.text import clipped

LONGEST = 1000  # characters of a query or a reason: editors show them in one line
_NOT_XML = re.compile("[\ufffe\uffff]")


def one_line(text: str) -> str:
    """A text in one line, cut off where it is very long, of characters that XML has too."""
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", clipped(text, LONGEST))


def provenance(cut: Cut) -> dict[str, str]:
    """Why a cut is there and of which bytes, each in one line; what is not known is left out."""
    found = {
        "query": one_line(cut.query),
        "score": "" if cut.score is None else repr(cut.score),
        "why": one_line(cut.why),
        "weights": one_line(cut.weights),
        "sha256": cut.source.sha256,
        "handles": f"{cut.head}+{cut.tail}" if cut.head or cut.tail else "",
        "rate": f"placed on {cut.source.rate.name}" if cut.source.variable else "",
    }
    return {name: text for name, text in found.items() if text}


def file_url(path: str, host: str = "") -> str:
    """A path as an address; bytes that are no UTF-8 stay what they are."""
    return f"file://{host}{quote(os.fsencode(path))}"


def seconds(time: Fraction) -> str:
    """A time to the microsecond, as FFmpeg reads it."""
    micros = round(time * 10**6)
    sign = "-" if micros < 0 else ""
    return f"{sign}{abs(micros) // 10**6}.{abs(micros) % 10**6:06}"


def document(root: ET.Element, doctype: str = "") -> str:
    """An XML document, indented."""
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + (
        f"<!DOCTYPE {doctype}>\n" if doctype else ""
    )
    return head + ET.tostring(root, encoding="unicode") + "\n"


def element(
    parent: ET.Element, tag: str, text: object = None, /, **attributes: object
) -> ET.Element:
    """A new last child of `parent`; attributes that are None are left out, in_ is called in."""
    given = {name.rstrip("_"): str(v) for name, v in attributes.items() if v is not None}
    child = ET.SubElement(parent, tag, given)
    if text is not None:
        child.text = str(text)
    return child
