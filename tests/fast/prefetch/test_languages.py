"""In which language a call is held, and what happens to those that are not in English."""

from __future__ import annotations

import datetime

import pytest

from cloud.src.prefetch.calls import Call, Turn
from cloud.src.prefetch.sentences.languages import language_of
from cloud.src.prefetch.sentences.sentences import firm_sentences

ENGLISH = (
    "Steel costs rose by 9% in the quarter, and we raised our prices in March. Freight was cheaper than a year ago, "
    "which is why the margin grew. Net debt fell to EUR 40 million."
)
GERMAN = (
    "Die Stahlkosten sind im Quartal um 9 % gestiegen, und wir haben im März die Preise erhöht. Die Fracht war "
    "günstiger als vor einem Jahr, weshalb die Marge stieg."
)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", ENGLISH),
        ("de", GERMAN),
        (
            "fr",
            "Les coûts de l'acier ont augmenté de 9 %, et nous avons relevé nos prix en mars. Le fret était "
            "moins cher qu'il y a un an, et la marge a donc progressé pendant le trimestre.",
        ),
        (
            "es",
            "Los costos del acero subieron un 9 % en el trimestre y aumentamos los precios en marzo. El flete fue más "
            "barato que hace un año, y por eso mejoró el margen de la compañía.",
        ),
        (
            "pt",
            "Os custos do aço subiram 9 % no trimestre e aumentamos os preços em março. O frete ficou mais barato "
            "do que há um ano e, por isso, a margem da companhia melhorou.",
        ),
        ("zh", "\u94a2\u94c1\u6210\u672c\u4e0a\u5347\u4e86\u3002"),
        ("ja", "\u92fc\u306e\u4fa1\u683c\u304c\u4e0a\u304c\u308a\u307e\u3057\u305f\u3002"),
        ("ko", "\ucca0\uac15 \ube44\uc6a9\uc774 \uc62c\ub790\uc2b5\ub2c8\ub2e4."),
        (
            "ru",
            "\u0417\u0430\u0442\u0440\u0430\u0442\u044b \u043d\u0430 "
            "\u0441\u0442\u0430\u043b\u044c \u0432\u044b\u0440\u043e\u0441\u043b\u0438.",
        ),
        (
            "ar",
            "\u0627\u0631\u062a\u0641\u0639\u062a \u062a\u0643\u0627\u0644\u064a\u0641 \u0627\u0644\u0635\u0644\u0628.",
        ),
        ("el", "\u03a4\u03bf \u03ba\u03cc\u03c3\u03c4\u03bf\u03c2 \u03b1\u03c5\u03be\u03ae\u03b8\u03b7\u03ba\u03b5."),
        ("he", "\u05e2\u05dc\u05d5\u05ea \u05d4\u05e4\u05dc\u05d3\u05d4 \u05e2\u05dc\u05ea\u05d4."),
        ("hi", "\u0938\u094d\u091f\u0940\u0932 \u0915\u0940 \u0932\u093e\u0917\u0924 \u092c\u0922\u093c\u0940\u0964"),
        (
            "th",
            "\u0e15\u0e49\u0e19\u0e17\u0e38\u0e19\u0e40\u0e2b\u0e25\u0e47\u0e01\u0e2a\u0e39\u0e07\u0e02\u0e36\u0e49\u0e19",
        ),
        ("en", "Nous attendons."),  # too short to tell
        ("en", "Mr. Zhulin of Linde, Ms. Wu and Mr. Müller-Lüdenscheidt."),
        ("en", "9.4 11.2 13.5 " * 100),
        ("en", ""),
    ],
)
def test_the_language_of_a_text(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("word", ["Xu Zhiyong. ", "Telefonica Brasil. "])
def test_names_make_no_other_language(word: str) -> None:
    assert language_of(ENGLISH + word * 5 + ENGLISH) == "en"


def _calls() -> list[Call]:
    texts = {"T1": ENGLISH, "T2": GERMAN}
    day = datetime.date(2023, 2, 1)
    return [Call("LINDE", "Linde", name, day, (Turn(text),)) for name, text in texts.items()]


def test_calls_not_in_english_are_left_out_and_counted() -> None:
    firm = firm_sentences(_calls(), "2023Q1")
    assert (firm.n_calls, set(firm.rows["call_id"].to_pylist())) == (1, {"LINDE_T1"})
    assert firm.skipped == {"calls not in English (de), which --all-languages keeps": 1}


def test_it_is_kept_on_request() -> None:
    firm = firm_sentences(_calls(), "2023Q1", all_languages=True)
    assert (firm.n_calls, firm.skipped) == (2, {})
