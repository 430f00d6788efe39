"""Text on one line, without what could steer a terminal or a model."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from cloud.src.contract.text import one_line, printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Freight costs", "Freight costs"),
        (" Freight\n\tcosts ", "Freight costs"),
        ("\x1b[31mred\x07", "[31mred"),
        ("zero\u200bwidth", "zero width"),
        ("right\u202eto left", "right to left"),
        ("non\u00a0breaking", "non breaking"),
        ("\u2028\u2029", ""),
        ("Ünïted 日本", "Ünïted 日本"),
    ],
)
def test_a_line_has_neither_control_nor_invisible_characters(text: str, line: str) -> None:
    assert one_line(text) == line


def test_only_invisible_characters_become_blanks() -> None:
    every = [chr(number) for number in range(sys.maxunicode + 1)]
    shown = {c for c in every if printable(c) == c}
    assert {unicodedata.category(c)[0] for c in shown - {" "}} == {"L", "M", "N", "P", "S"}
    assert {unicodedata.category(c)[0] for c in every if c not in shown} == {"C", "Z"}
