"""Labels of themes and families: what their firms say and others do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from cloud.src.models.embeddings import unit
from cloud.src.naming.theme_candidates import N_LABELS, GroupSentences, Spoken, candidates
from cloud.src.naming.theme_names import Candidates, Labels, choose
from tests.component.worker_quarter import embedder

N_FIRMS = 12
# A theme each: what every firm says of it, in turn.
THEMES = [
    [
        "We saw supply chain constraints in the {}.",
        "The supply chain constraints hurt the {}.",
        "Our supply chain is short of {}.",
    ],
    [
        "The supply chain disruptions delay the {}.",
        "We face supply chain disruptions in the {}.",
        "Our supply chain stopped the {}.",
    ],
    ["The tax rate was lower in the {}.", "Our tax rate reflects the {}.", "We expect a tax rate as in the {}."],
]
THINGS = ["north", "south", "plant", "harbor", "store", "region"]
# What a third of the firms say instead of the words that tell the two supply chain themes apart.
PLAIN = "The supply chain is short in the {}."
FAMILY_OF = np.array([0, 0, 1])


def quarter(n_firms: int = N_FIRMS, more: str = "") -> tuple[Spoken, GroupSentences, GroupSentences]:
    """``more`` is what each firm adds to a sentence of the first theme."""
    rows = [
        (firm, theme, (PLAIN if theme < 2 and firm % 3 == 2 else text).format(THINGS[(firm + number) % len(THINGS)]))
        for firm in range(n_firms)
        for theme, texts in enumerate(THEMES)
        for number, text in enumerate(texts)
    ]
    rows = [(firm, theme, text + more if theme == 0 else text) for firm, theme, text in rows]
    texts = [text for _, _, text in rows]
    theme_of = np.array([theme for _, theme, _ in rows])
    spoken = Spoken(
        texts,
        np.array([firm for firm, _, _ in rows]),
        np.zeros(len(texts), dtype=np.bool_),
        [f"Firm {number} Inc." for number in range(n_firms)],
        [frozenset()] * n_firms,
    )
    return spoken, groups(texts, theme_of, 3), groups(texts, FAMILY_OF[theme_of], 2)


def groups(texts: list[str], group_of: np.ndarray, n: int) -> GroupSentences:
    members = sp.csr_matrix((np.ones(len(texts)), (np.arange(len(texts)), group_of)), shape=(len(texts), n))
    vectors = embedder().embed(texts)
    return GroupSentences(members, np.stack([unit(vectors[group_of == group].mean(axis=0)) for group in range(n)]))


def found(spoken: Spoken, themes: GroupSentences, families: GroupSentences) -> Candidates:
    return candidates(spoken, themes, families, embedder())


def labels_of(spoken: Spoken, themes: GroupSentences, families: GroupSentences) -> Labels:
    return choose(found(spoken, themes, families), FAMILY_OF, range(3), range(2))


def test_names_are_what_firms_say() -> None:
    labels = labels_of(*quarter())

    assert labels.families[0][0] == "Supply Chain"
    assert labels.families[1][0] == "Tax Rate"
    assert [of_theme[0] for of_theme in labels.themes[:2]] == ["Supply Chain Constraints", "Supply Chain Disruptions"]
    assert all(len(each) <= N_LABELS for each in labels.themes + labels.families)


def test_a_theme_has_no_label_of_its_familys_words_alone() -> None:
    labels = labels_of(*quarter())

    assert not {"Supply Chain", "Supply", "Chain"} & {label for each in labels.themes[:2] for label in each}
    assert "Tax Rate" not in labels.themes[2]


def test_of_two_themes_the_first_in_order_keeps_the_label() -> None:
    spoken, themes, families = quarter()
    both = replace(themes, members=themes.members[:, [0, 0, 2]], means=themes.means[[0, 0, 2]])

    phrases = found(spoken, both, families)

    first = choose(phrases, FAMILY_OF, [0, 1, 2], range(2)).themes
    last = choose(phrases, FAMILY_OF, [2, 1, 0], range(2)).themes

    assert first[0][0] == last[1][0] == "Supply Chain Constraints"
    assert first[1][:1] != first[0][:1]
    assert last[0][:1] != last[1][:1]


@pytest.mark.parametrize(
    ("more", "firm_names", "speakers"),
    [
        (" So Grant said in the Acme tests.", ["Acme Corp."], [frozenset()] * N_FIRMS),  # a firm
        (" So Grant said in the Acme tests.", [], [frozenset({"acme"})] * N_FIRMS),  # a person on the call
    ],
)
def test_names_mention_neither_firms_nor_speakers(
    more: str, firm_names: list[str], speakers: list[frozenset[str]]
) -> None:
    spoken, themes, families = quarter(more=more)
    spoken = replace(spoken, firm_names=firm_names, speakers=speakers)

    assert not any("Acme" in label for each in labels_of(spoken, themes, families).themes for label in each)
    spoken = replace(spoken, firm_names=[], speakers=[frozenset()] * N_FIRMS)
    assert any("Acme" in label for each in labels_of(spoken, themes, families).themes for label in each)


def test_what_runs_the_call_is_no_name() -> None:
    spoken, themes, families = quarter()
    nearly = np.array(["constraints" in text for text in spoken.texts])

    labels = labels_of(replace(spoken, is_procedural=nearly), themes, families)

    assert not any("Constraints" in label for each in labels.themes for label in each)


def test_one_firms_case_is_no_name() -> None:
    spoken, themes, families = quarter()
    texts = [
        f"{text} The wildfire losses and the wildfire losses." if firm == 0 else text
        for text, firm in zip(spoken.texts, spoken.firms, strict=True)
    ]

    labels = labels_of(replace(spoken, texts=texts), themes, families)

    assert not any("Wildfire" in label for each in labels.themes + labels.families for label in each)


def test_the_order_of_sentences_makes_no_difference() -> None:
    spoken, themes, families = quarter()
    order = np.random.default_rng(1).permutation(len(spoken.texts))
    shuffled = replace(
        spoken,
        texts=[spoken.texts[row] for row in order],
        firms=spoken.firms[order],
        is_procedural=spoken.is_procedural,
    )

    assert labels_of(spoken, themes, families) == labels_of(
        shuffled, replace(themes, members=themes.members[order]), replace(families, members=families.members[order])
    )


def test_a_tiny_quarter_has_names() -> None:
    labels = labels_of(*quarter(n_firms=2))

    assert labels.families[1][0] == "Tax Rate"
    assert labels.themes[0][0] == "Supply Chain Constraints"


def test_a_theme_without_a_common_phrase_has_no_subject() -> None:
    spoken, themes, families = quarter(n_firms=24)
    any_three = np.zeros((len(spoken.texts), 1))
    any_three[np.flatnonzero(["tax rate" in text for text in spoken.texts])[:3]] = 1
    with_it = replace(themes, members=sp.csr_matrix(sp.hstack([themes.members[:, :2], any_three])))

    assert found(spoken, with_it, families).has_subject.tolist() == [True, True, False]


def test_a_family_of_two_subjects_is_called_by_both() -> None:
    said = [
        "The pricing was firm in the {}.",
        "We raised the pricing in the {}.",
        "The inflation was high in the {}.",
        "We saw the inflation in the {}.",
    ]
    texts = [text.format(THINGS[firm % len(THINGS)]) for firm in range(N_FIRMS) for text in said]
    firms = np.repeat(np.arange(N_FIRMS), len(said))
    is_procedural = np.zeros(len(texts), dtype=np.bool_)
    spoken = Spoken(texts, firms, is_procedural, [""] * N_FIRMS, [frozenset()] * N_FIRMS)
    theme_of = np.tile([0, 0, 1, 1], N_FIRMS)
    phrases = found(spoken, groups(texts, theme_of, 2), groups(texts, theme_of * 0, 1))

    labels = choose(phrases, np.array([0, 0]), range(2), range(1))

    assert {labels.themes[0][0], labels.themes[1][0]} == {"Pricing", "Inflation"}
    assert set(labels.families[0][0].split(" and ")) == {"Pricing", "Inflation"}
