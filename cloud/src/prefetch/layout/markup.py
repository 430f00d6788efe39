"""Makes plain text of what a text was wrapped in: HTML tags and entities, line ends written as characters."""

from __future__ import annotations

import html
import re

_HIDDEN = re.compile(r"<!--|<(script|style|head|title)\b[^<>]*>", re.I)
_DECLARATION = re.compile(r"<!doctype[^<>]*>|<\?xml[^<>]*>", re.I)
_BLOCK = re.compile(
    r"</?(?:p|div|br|li|ul|ol|dl|dt|dd|h[1-6]|hr|table|thead|tbody|tr|td|th|pre|blockquote|section|article|header|footer"
    r"|main|nav|html|body)\b[^<>]*>",
    re.I,
)
_INLINE = re.compile(
    r"</?(?:a(?=\s*/?>|\s+[\w:-]+\s*=)|abbr|b|big|cite|code|em|font|i|img|ins|label|mark|o:p|s|small|span|strike|strong"
    r"|sub|sup|u)\b[^<>]*>",
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
        text = _DECLARATION.sub(" ", _without_hidden(text))
        text = _INLINE.sub("", _BLOCK.sub("\n\n", text)).strip()
    if "&" in text:
        text = _ENTITY.sub(_character, _ENTITY.sub(_character, text))  # &amp;nbsp; has been through two programs
    return text


def _without_hidden(text: str) -> str:
    """Leave out comments, scripts and the like. What has no end stays; the end of a kind is missed only once."""
    kept, place = [], 0
    endless: set[str] = set()
    for begin in _HIDDEN.finditer(text):
        kind = (begin[1] or "").lower()
        if begin.start() < place or kind in endless:
            continue
        end = re.compile(rf"</{kind}\s*>" if kind else "-->", re.I).search(text, begin.end())
        if end:
            kept += [text[place : begin.start()], " "]
            place = end.end()
        else:
            endless.add(kind)
    return "".join([*kept, text[place:]])


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0]).replace("\xa0", " ")
