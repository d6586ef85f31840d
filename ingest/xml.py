"""XML from the network, parsed with entities and references off."""

from typing import Any

from lxml import etree

from ingest.http import Transient
from ingest.source import RefusedSource


def parse(body: bytes) -> Any:
    """The root element; Transient where the text is cut or no XML, RefusedSource for a document type."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise Transient(f"the answer is no whole XML ({error.msg})") from None
    if root.getroottree().docinfo.doctype:
        raise RefusedSource("the service's XML declares a document type")
    return root


def local(element: Any) -> str:
    """The name of an element without its namespace; empty for comments."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def find_all(root: Any, name: str) -> list[Any]:
    """All elements of this local name, in document order, the root included."""
    return [element for element in root.iter() if local(element) == name]


def text_of(root: Any, name: str) -> str:
    """Text of the first element of this local name, or nothing."""
    found = find_all(root, name)
    return (found[0].text or "").strip() if found else ""
