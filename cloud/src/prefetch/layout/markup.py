"""Makes plain text of what a text was wrapped in: HTML tags and entities, line ends written as characters."""

from __future__ import annotations

import html
import re

_HIDDEN = re.compile(
    r"<!--.*?-->|<(script|style|head|title)\b[^<>]*>.*?</\1\s*>|<!doctype[^<>]*>|<\?xml[^<>]*>", re.I | re.S
)
_BLOCK = re.compile(
    r"</?(?:p|div|br|li|ul|ol|dl|dt|dd|h[1-6]|hr|table|thead|tbody|tr|td|th|pre|blockquote|section|article|header|footer"
    r"|main|nav|html|body)\b[^<>]*>",
    re.I,
)
_INLINE = re.compile(
    r"</?(?:a(?=\s*/?>|\s+[\w:-]+\s*=)|abbr|b|big|cite|code|em|font|i|img|ins|label|mark|o:p|s|small|span|strike|strong|sub|sup|u)\b[^<>]*>",
    re.I,
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.I)
_ESCAPED = re.compile(r"\\r\\n|\\n|\\r")


def plain_text(text: str) -> str:
    """Return the text without markup, its blocks on lines of their own; a text without any is returned as it is.

    A ``<`` that begins no tag of HTML stays, so does an ``&`` that begins no entity.
    """
    if "\\n" in text and "\n" not in text.strip():  # a program has written the line ends as two characters
        text = _ESCAPED.sub("\n", text)
    is_page = "<" in text and (_BLOCK.search(text) or _INLINE.search(text))
    if is_page:
        text = _HIDDEN.sub(" ", text)
        text = _INLINE.sub("", _BLOCK.sub("\n\n", text))
    if "&" in text:
        text = _ENTITY.sub(_character, _ENTITY.sub(_character, text))  # &amp;nbsp; has been through two programs
    return text


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0]).replace("\xa0", " ")
