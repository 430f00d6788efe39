"""Names made of the topic's own sentences: noun phrases, the most typical first."""

from __future__ import annotations

from cloud.src.naming.labels import N_LABELS, topic_labels
from cloud.src.naming.name_rules import why_refused

FREIGHT = [
    "Ocean freight rates are falling in the quarter, and carriers have added capacity.",
    "We expect ocean freight rates to fall further, and the port congestion has eased.",
    "Port congestion quickly raised our costs.",
]
WAGES = [
    "Wage inflation was 5% in our plants.",
    "The wage inflation reflects a new union contract.",
    "We will hire drivers, and the union contract covers the drivers.",
]
TARIFFS = ["The tariffs hurt us.", "We pay the tariffs, and the sourcing has moved.", "Our sourcing, then tariffs."]


def test_noun_phrases_that_are_typical_come_first() -> None:
    freight, wages, _ = topic_labels([FREIGHT, WAGES, TARIFFS])

    assert {"Ocean Freight Rates", "Port Congestion"} <= set(freight[:4])
    assert set(wages[:2]) == {"Wage Inflation", "Union Contract"}


def test_two_single_words_make_a_name() -> None:
    *_, tariffs = topic_labels([FREIGHT, WAGES, TARIFFS])

    assert tariffs == ["Tariffs and Sourcing"]


def test_5g_is_a_word_and_other_figures_are_none() -> None:
    network = [
        "We built the 5G network in 4Q.",
        "The 5G network covers 2x more.",
        "Our 5G network and 780G spectrum, 2.5G too.",
    ]

    labels = topic_labels([network, WAGES])[0]

    assert labels[0] == "5G Network"
    assert topic_labels([["We ship 2.5G Ethernet.", "The 2.5G Ethernet is here."], WAGES])[0] == []
    assert not any(figure in label for figure in ("4Q", "2x", "780G", "2.5G") for label in labels)


def test_verbs_and_adverbs_are_in_no_name() -> None:
    said = [word for labels in topic_labels([FREIGHT, WAGES, TARIFFS]) for label in labels for word in label.split()]

    assert not {"Quickly", "Falling", "Fall", "Eased", "Raised", "Reflects", "Hire", "Covers", "Hurt", "Pay"} & set(
        said
    )


def test_every_label_is_a_name() -> None:
    for sentences, labels in zip([FREIGHT, WAGES, TARIFFS], topic_labels([FREIGHT, WAGES, TARIFFS]), strict=True):
        assert 0 < len(labels) <= N_LABELS
        assert len(set(labels)) == len(labels)
        assert [why_refused(label, sentences) for label in labels] == [None] * len(labels)


def test_speakers_and_the_firm_are_in_no_name() -> None:
    sentences = [
        "Meyer Ocean freight is what Acme does.",
        "Acme Ocean freight grew, said Meyer.",
        "The Acme freight of the ocean is large.",
    ]
    [labels] = topic_labels([sentences], frozenset({"meyer"}), ("Acme Inc.", "ACM"))

    assert "Ocean Freight" in labels
    assert not any("Meyer" in label or "Acme" in label for label in labels)


def test_acronyms_and_plurals_are_written_as_they_are_said() -> None:
    sentences = ["The FERC orders help.", "Our FERC order came.", "The FERC orders on ebitda margin matter."]
    [labels] = topic_labels([sentences])

    assert "FERC Orders" in labels
    assert "FERC Order" not in labels


def test_labels_do_not_depend_on_the_order_of_topics() -> None:
    assert topic_labels([FREIGHT, WAGES]) == topic_labels([WAGES, FREIGHT])[::-1]


def test_where_nothing_is_said_there_is_no_label() -> None:
    assert topic_labels([]) == []
    assert topic_labels([[], ["We will go."], ["12 34 %"]]) == [[], [], []]
