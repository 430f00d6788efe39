"""How well speakers are found in texts: real calls written as texts in four layouts, then read again.

    python bench/bench_layouts.py transcripts.parquet

For each layout it prints the share of the words of executives and analysts that are theirs again, and in how many calls
it is less than 97 %. As prose, without speakers, every call should stay one turn.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from cloud.src.prefetch.calls import Turn
from cloud.src.prefetch.layout.turns import turns_in

Said = list[Turn]
FEWEST = 0.97


def alone(call: Said) -> str:
    return "\n\n".join(f"{turn.speaker}\n{turn.text}" for turn in call)


def in_a_line(call: Said) -> str:
    return "\n".join(f"{turn.speaker}: {turn.text}" for turn in call)


def with_titles(call: Said) -> str:
    return "\n\n".join(f"{turn.speaker}{f' -- {turn.role}' if turn.role else ''}\n\n{turn.text}" for turn in call)


def with_lists(call: Said) -> str:
    lists = [
        "\n".join(dict.fromkeys(f"{turn.speaker} - {turn.role}" for turn in call if turn.speaker_type == kind))
        for kind in ("executive", "analyst")
    ]
    return f"Company Participants\n\n{lists[0]}\n\nConference Call Participants\n\n{lists[1]}\n\n{alone(call)}"


LAYOUTS: dict[str, Callable[[Said], str]] = {
    "names alone": alone,
    "names in the line": in_a_line,
    "names with titles": with_titles,
    "lists at the top": with_lists,
}


def read_calls(path: Path) -> list[Said]:
    columns = ["call_id", "speaker", "speaker_type", "role", "text"]
    calls: dict[str, Said] = {}
    for row in pq.read_table(path).sort_by([("call_id", "ascending"), ("position", "ascending")]).to_pylist():
        call_id, speaker, kind, role, text = (row[column] for column in columns)
        calls.setdefault(call_id, []).append(Turn(text, None, speaker or "Operator", kind, role))
    return list(calls.values())


def share_found(call: Said, written: str) -> float:
    """Of the words of all but operators, those that are said by the same speaker again."""
    said = Counter(
        (turn.speaker, word) for turn in call if turn.speaker_type != "operator" for word in turn.text.split()
    )
    found = Counter((turn.speaker, word) for turn in turns_in(Turn(written)) for word in turn.text.split())
    return (said & found).total() / max(1, said.total())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcripts", type=Path, help="Parquet with the columns of docs/packages/prefetch.md")
    calls = read_calls(parser.parse_args().transcripts)
    for name, write in LAYOUTS.items():
        shares = [share_found(call, write(call)) for call in calls]
        n_few = sum(share < FEWEST for share in shares)
        mean = sum(shares) / len(shares)
        print(f"{name}: {mean:.1%} of a call's words, {n_few} of {len(calls)} calls below {FEWEST:.0%}")
    n_split = sum(len(turns_in(Turn("\n".join(turn.text for turn in call)))) > 1 for call in calls)
    print(f"prose: {n_split} of {len(calls)} calls are split")


if __name__ == "__main__":
    main()
