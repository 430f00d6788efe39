"""Numbers that the documents state are those of the code and of the measurements."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud.src.cli.quarters import changes, statistics
from cloud.src.cli.report import matching
from cloud.src.cli.run import naming_plan
from cloud.src.contract import keys
from cloud.src.lambdas import summarize_results
from cloud.src.llm import limits, xai_client
from cloud.src.naming import guard, labels, prompt, search
from cloud.src.prefetch import chunks
from cloud.src.themes import count, dictionary, families, find_themes, near_duplicates, rank, refine, stability
from cloud.src.topics import find_topics, grid, procedural
from cloud.src.worker import firm_topics, map_firms, quarter_sentences
from tests.fast.docs.repository import documents, read

WORDS = {1: "one", 2: "two", 3: "three", 5: "five", 6: "six", 7: "seven"}

# Document -> what it says, with the numbers of the code.
STATED = {
    "adr/adr_003_inline_map.md": [
        f"more than **{keys.MAX_BATCHES:,} batches**",
        f"default of {keys.DEFAULT_BATCH_SIZE:,} firms per batch",
        f"batch holds at most {keys.MAX_BATCH_SIZE:,} firms",
        f"at most {summarize_results.MAX_FAILED_BATCHES_LISTED} ids of failed batches",
    ],
    "adr/adr_008_topics_and_themes.md": [
        f"when it has {WORDS[firm_topics.MIN_CONTENT_WORDS]} content words",
        f"not within cosine {procedural.MIN_SIMILARITY} of an example",
        f"over {procedural.MAX_SHARE_OF_NEARLY_PROCEDURAL:.0%} of the sentences come within " f"{procedural.NEARLY} ",
        f"cut at n^{find_topics.CLUSTERS_EXPONENT} clusters for n sentences, at most {find_topics.MAX_TOPICS} ",
        f"fewer than {WORDS[find_topics.MIN_SENTENCES]} sentences within {find_topics.MIN_SIMILARITY} of their ",
        f"Above {find_topics.MAX_EXACT_SENTENCES:,} sentences, k-means",
        f"at most {find_topics.MAX_UNASSIGNED:.0%} of the sentences with content",
        f"a grid of 2^-{grid.FINE_STEPS.bit_length() - 1} ",
        f"The share of context, {find_topics.SHARE_OF_NEIGHBOURS},",
    ],
    "adr/adr_012_llm_naming.md": [
        f"at most {map_firms.MAX_FIRMS_WAITING} firms wait for names",
        f"plus {guard.WEIGHT_OF_SAID} times the share of its words",
        f"is at least {guard.MIN_SCORE};",
        f"once with the reason and {WORDS[search.FRESH_ANSWERS]} times without",
        f"of the {labels.N_LABELS} heaviest",
        f"the {WORDS[prompt.MAX_EXAMPLES]} sentences nearest to its centroid",
    ],
    "adr/adr_014_themes.md": [
        f"a cosine distance of {find_themes.MAX_DISTANCE} for up to {find_themes.SMALL_CORPUS} topics, "
        f"{find_themes.STEP_A_DECADE} less for each tenfold, and at least {find_themes.LEAST_MAX_DISTANCE} ",
        f"More than {find_themes.MAX_EXACT_TOPICS:,} topics",
        "up to a distance of {}; what is left is put into new cells and linked up to {};".format(
            *find_themes.CONDENSED_DISTANCES
        ),
        f"a cosine of at least {near_duplicates.MIN_SIMILARITY} between their centroids, and "
        f"{WORDS[near_duplicates.MIN_MAIN_WORDS]} of their {WORDS[near_duplicates.MAIN_WORDS]} most shared words",
        f"join the nearest theme from a cosine of {find_themes.MIN_SIMILARITY_TO_JOIN} up",
        f"fewer than {find_themes.MIN_TOPICS_TO_CENTRE} topics the mean is not subtracted, "
        f"the cut is {find_themes.MAX_UNCENTRED_DISTANCE},",
        f"**general** at a similarity of {rank.MAX_SIMILARITY_TO_ANY_CALL} or more",
        f"over pairs from {matching.SAME_THEME_COSINE} up",
    ],
    "adr/adr_015_measured_on_sentences.md": [
        f"In {refine.ROUNDS} rounds each sentence goes to the nearest theme from a cosine of {refine.NEAR} up",
        f"on average within {dictionary.MIN_NEARNESS} of its centroid, at least {dictionary.MIN_SHARE:.0%} of its",
        f"above {dictionary.MIN_Z} standard errors",
        f"within {count.NEAR} of, and for each one of whose phrases it has from {count.NEAR_WITH_PHRASE} up",
        f"a Jaccard index of {near_duplicates.SAME_SENTENCES} or more",
        f"There are {families.FAMILIES_PER_ROOT} per square root",
        f"more than {families.MAX_SHARE_OF_SENTENCES:.0%} of the counted sentences or "
        f"{families.MAX_SHARE_OF_THEMES:.0%} of the themes",
        f"over {WORDS[stability.RERUNS]} reruns",
        f"fitted to at most {quarter_sentences.MAX_SAMPLE:,} sentences",
        f"fewer than {stability.MIN_FIRMS} firms has no stability",
    ],
    "adr/adr_017_what_has_changed.md": [
        f"at most {WORDS[changes.NOBODY_FIRMS]} firm, or {changes.NOBODY_SHARE:.0%} of them",
        f"{WORDS[changes.SOME_FIRMS]} firms and {changes.SOME_SHARE:.0%} or more on the other",
        f"a false discovery rate below {changes.MAX_Q:.0%}",
        f"up to {statistics.MAX_EXACT} firms that differ",
        f"Where fewer than {WORDS[statistics.MIN_PAIRED]} firms",
    ],
    "packages/llm.md": [
        f"| `LLM_MAX_CONCURRENT` | {limits.DEFAULT_MAX_CONCURRENT} |",
        f"| `LLM_OUTAGE_LIMIT_S` | {limits.DEFAULT_OUTAGE_LIMIT_S:.0f} |",
        f"| `LLM_TOPIC_LIMIT_S` | {limits.DEFAULT_TOPIC_LIMIT_S:.0f} |",
        f"{xai_client.MAX_ATTEMPTS} times in all",
        f"{xai_client.MAX_REFUSALS_IN_A_ROW} in a row stop the job",
        f"more than {WORDS[naming_plan.LONGEST_LOCAL_NAMING_S // 60]} minutes, it names the themes only",
    ],
    "packages/prefetch.md": [f"{chunks.FIRMS_PER_CHUNK} whole firms per chunk"],
}


def in_one_line(text: str) -> str:
    """Without line breaks, and with a percent sign next to its number."""
    return re.sub(r"\s+", " ", text).replace(" %", "%")


@pytest.mark.parametrize(("document", "statement"), [(page, one) for page, all_of in STATED.items() for one in all_of])
def test_a_stated_number_is_that_of_the_code(document: str, statement: str) -> None:
    assert statement in in_one_line(read(Path("docs") / document))


def test_the_readme_says_how_good_it_is_as_measured() -> None:
    section = read(Path("README.md")).split("## How good it is")[1].split("\n## ")[0]
    figures = re.findall(r"\b\d+\.\d+\b", section)
    measured = " ".join(read(page) for page in documents() if page.parent == Path("docs/measurements"))
    assert figures
    assert [one for one in figures if not re.search(rf"(?<![\d.]){re.escape(one)}(?![\d.]\d)", measured)] == []
