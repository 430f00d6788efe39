"""Who speaks, from what transcripts call them."""

from __future__ import annotations

import pytest

from cloud.src.prefetch.sentences.speakers import section_name, speaker_type


@pytest.mark.parametrize(
    ("kind", "role", "speaker", "expected"),
    [
        ("executive", "Chief Executive Officer", "Ada Byrne", "CEO"),
        ("executive", "President and CEO", "Ada Byrne", "CEO"),
        ("executive", "Chairman, President & Chief Executive Officer", "Ada Byrne", "CEO"),
        ("executive", "Co-CEO", "Ada Byrne", "CEO"),
        ("executive", "Group Chief Executive", "Ada Byrne", "CEO"),
        ("executive", "Chief Financial Officer", "Tom Okoro", "CFO"),
        ("executive", "EVP & CFO", "Tom Okoro", "CFO"),
        ("executive", "Vice Chairman and Chief Financial Officer", "Tom Okoro", "CFO"),
        ("executive", "Chief Operating Officer and Chief Financial Officer", "Tom Okoro", "CFO"),
        ("executive", "Senior Vice President and Deputy CFO", "Tom Okoro", "Executive"),
        ("executive", "Vice President, Investor Relations", "Lea Winter", "Executive"),
        ("executive", "Executive Chairman", "Lea Winter", "Executive"),
        ("executive", None, "Lea Winter", "Executive"),
        ("Executives", "CEO", "Ada Byrne", "CEO"),
        ("CEO", None, "Ada Byrne", "CEO"),
        ("analyst", "Goldman Sachs", "Raj Patel", "Analyst"),
        ("analyst", "CFO Research", "Raj Patel", "Analyst"),
        ("Analysts", None, "Raj Patel", "Analyst"),
        ("operator", None, "Operator", "Operator"),
        (None, None, "Operator", "Operator"),
        (None, "Chief Financial Officer", "Tom Okoro", "CFO"),
        (None, "Treasurer", "Tom Okoro", "Executive"),
        (None, "Analyst, Morgan Stanley", "Raj Patel", "Analyst"),
        (None, "Morgan Stanley", "Raj Patel", "Unknown"),
        ("unknown", "CFO", "Tom Okoro", "CFO"),
        (None, None, "Conference Operator", "Operator"),
        (None, None, "Coordinator", "Operator"),
        (None, None, "MODERATOR", "Operator"),
        ("Conference Operator", None, "Mia", "Operator"),
        (None, None, "Unidentified Analyst", "Analyst"),
        (None, None, "Analyst", "Analyst"),
        (None, None, "Unidentified Company Representative", "Executive"),
        (None, "Chief Exec. Officer", "Ada Byrne", "CEO"),
        (None, "Group Finance Director", "Tom Okoro", "CFO"),
        (None, "Principal Financial Officer", "Tom Okoro", "CFO"),
        (None, "Managing Director", "Lea Winter", "Executive"),
        (None, "General Counsel", "Lea Winter", "Executive"),
        (None, "Head of IR", "Lea Winter", "Executive"),
        (None, "CMO", "Lea Winter", "Executive"),
        (None, "Birch Bank, Research Division", "Raj Patel", "Analyst"),
        (None, "Director, Equity Research", "Raj Patel", "Analyst"),
        (None, "Head of Research and Development", "Lea Winter", "Unknown"),
        ("Q", None, "Raj Patel", "Analyst"),
        ("A", None, "Lea Winter", "Executive"),
        ("sell-side", None, "Raj Patel", "Analyst"),
        ("Conference Participants", None, "Raj Patel", "Analyst"),
        ("corprep", None, "Lea Winter", "Executive"),
        (None, "Operator", "Mia", "Operator"),
        (None, None, "The Operator", "Operator"),
        (None, None, "Operator (Instructions)", "Operator"),
        (None, None, "Conference Call Operator", "Operator"),
        (None, None, "Webcast Moderator:", "Operator"),
        (None, None, "Unverified Participant", "Analyst"),
        ("unknown", None, "Raj Patel", "Unknown"),
        (None, None, None, "Unknown"),
    ],
)
def test_speaker_type(kind: str | None, role: str | None, speaker: str | None, expected: str) -> None:
    assert speaker_type(kind, role, speaker) == expected


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("prepared", "prepared"),
        ("Prepared Remarks", "prepared"),
        ("presentation", "prepared"),
        ("qa", "qa"),
        ("Q&A", "qa"),
        ("Questions and Answers", "qa"),
        ("Presenter Speech", "prepared"),
        ("Management Discussion Section", "prepared"),
        ("MANAGEMENT DISCUSSION AND ANALYSIS", "prepared"),
        ("prepared_remarks", "prepared"),
        ("Opening Remarks:", "prepared"),
        ("Question", "qa"),
        ("Answer", "qa"),
        ("Question and Answer Section", "qa"),
        ("Question-and-Answer Session", "qa"),
        ("Questions & Answers", "qa"),
        ("Q&A Session", "qa"),
        ("q_and_a", "qa"),
        ("QandA", "qa"),
        ("Q/A", "qa"),
        ("Opening Statement", "prepared"),
        ("Management's Discussion", "prepared"),
        ("MD&A", "prepared"),
        ("1. Presentations", "prepared"),
        ("2. Analyst Q&A", "qa"),
        ("Q+A", "qa"),
        ("quarter", None),
        ("appendix", None),
        (None, None),
    ],
)
def test_section_name(section: str | None, expected: str | None) -> None:
    assert section_name(section) == expected
