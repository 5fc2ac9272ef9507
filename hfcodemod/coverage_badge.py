"""Coverage as a badge: a picture that is committed beside the page that it links to."""

from __future__ import annotations

from html import escape

from hfcodemod.coverage_cases import Coverage

# About the widths of Verdana at 11 px; `textLength` makes the text keep to them where another font is used.
WIDTH = 6.9
WIDTHS = {**dict.fromkeys("fijlrt.,: ", 4.2), "%": 11.0}
PADDING = 6
COLORS = ((95, "#1a7f4b"), (80, "#5a7a12"), (50, "#8a5a00"), (0, "#c0362c"))
"""From how many in a hundred on; white text is readable on each."""


def as_badge(coverage: Coverage) -> str:
    """The picture; the same coverage gives the same text."""
    count = coverage.heads
    label, value = "really run", f"{count.percent} % of {count.total:,} heads"
    color = next(color for least, color in COLORS if count.reaches(least))
    left, right = (round(sum(WIDTHS.get(sign, WIDTH) for sign in text)) + 2 * PADDING for text in (label, value))
    title = escape(f"Heads of transformers {coverage.version} that were really run: {count.said}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">
<title>{title}</title>
<clipPath id="round"><rect width="{left + right}" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="{left}" height="20" fill="#444c56"/>
<rect x="{left}" width="{right}" height="20" fill="{color}"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{PADDING}" y="14" textLength="{left - 2 * PADDING}">{label}</text>
<text x="{left + PADDING}" y="14" textLength="{right - 2 * PADDING}">{value}</text>
</g>
</svg>
"""
