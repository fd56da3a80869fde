"""A drawing of each item, as SVG: no font, no file and no network is needed to see it."""

import re
from html import escape
from string import Template

from services.catalog.models import Item

MEDIA_TYPE = "image/svg+xml"
_COLOR = re.compile(r"[a-zA-Z]{3,20}|#[0-9a-fA-F]{3,8}")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no place for, escaped or not (XML 1.0, 2.2)."""
_FALLBACK_COLOR = "slategray"
_PALETTE = {"amber": "#e0a11b", "cyan": "#22b8cf", "teal": "#12888a", "red": "#d1343b"}
"""Amber is no colour that SVG knows; the others are gentler on the eye than SVG's own."""

_FRAME = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 120" role="img" aria-label="$label">
<title>$label</title>
<rect width="160" height="120" rx="12" fill="#f4f1ea"/>
<ellipse cx="80" cy="104" rx="52" ry="5" fill="#000" opacity=".08"/>
<g fill="$color" stroke="#2b2b33" stroke-width="3" stroke-linejoin="round" stroke-linecap="round">
$shape
</g>
</svg>
""")

_SHAPES = {
    "glasses": """\
<path d="M26 48 14 42M134 48l12-6M70 56q10-9 20 0" fill="none"/>
<circle cx="48" cy="60" r="23"/><circle cx="112" cy="60" r="23"/>
<path d="M38 52q6-8 14-8M102 52q6-8 14-8" fill="none" stroke="#fff" opacity=".7"/>""",
    "shirt": """\
<path d="M58 20 28 36l10 24 14-6v46h56V54l14 6 10-24-30-16q-22 18-44 0z"/>
<path d="M80 34v66" fill="none" opacity=".4"/>
<circle cx="84" cy="50" r="1.5"/><circle cx="84" cy="66" r="1.5"/><circle cx="84" cy="82" r="1.5"/>""",
    "shoes": """\
<path d="M28 40q12 10 26 2l38 30 34 8q12 4 12 18H28z"/>
<path d="M28 88h110v10H28z" fill="#fff"/>
<path d="m62 58 10-8M74 67l10-8M86 76l8-8" fill="none" stroke="#fff"/>""",
    "watch": """\
<path d="M64 34 68 10h24l4 24M64 86l4 24h24l4-24"/>
<circle cx="80" cy="60" r="32"/><circle cx="80" cy="60" r="24" fill="#fff"/>
<path d="M80 44v16l12 8" fill="none"/><path d="M113 56v8"/>""",
    "parcel": """\
<path d="M34 44 80 24l46 20v44l-46 18-46-18z"/>
<path d="m34 44 46 18 46-18M80 62v44M57 34l46 18v14" fill="none"/>""",
}

_WORDS = {"shoe": "shoes", "boot": "shoes", "watch": "watch", "glass": "glasses", "eyewear": "glasses"}
_WORDS |= {"shirt": "shirt", "clothing": "shirt"}


def draw(item: Item) -> str:
    """An SVG document that shows `item` in its colour."""
    label = escape(_NOT_XML.sub("\ufffd", item.name))
    return _FRAME.substitute(label=label, color=_paint(item.color), shape=_SHAPES[_shape_name(item)])


def _paint(color: str) -> str:
    named = _PALETTE.get(color.lower(), color)
    return named if _COLOR.fullmatch(named) else _FALLBACK_COLOR


def _shape_name(item: Item) -> str:
    """The name says more than the department: shoes are clothing too."""
    text = f"{item.name} {item.department}".lower()
    return next((shape for word, shape in _WORDS.items() if word in text), "parcel")
