"""Gives every row the id of its firm: the one in the input, else one made from the company's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from cloud.src.contract.errors import InvalidInput

_ADVICE = "give every row a firm_id, or write a company's name the same way everywhere"


class FirmIds:
    """Remembers which id belongs to whom, so that two companies never share one and no company has two."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._companies_with_given: set[str | None] = set()
        self._made: dict[str, str] = {}

    def of(self, given: str | None, company: str | None) -> str | None:
        """Return the firm's id, None when there is neither id nor name; raise InvalidInput when two names clash."""
        if given:
            self._given.add(given)
            self._companies_with_given.add(company)
            return given
        if not company:
            return None
        slug = firm_slug(company)
        other = self._made.setdefault(slug, company)
        if other != company:
            raise InvalidInput(f"companies {other!r} and {company!r} get the same firm_id {slug!r}: {_ADVICE}")
        return slug

    def check(self) -> None:
        """Raise InvalidInput when an id made from a name clashes with one of the input; after the last row."""
        for slug, company in self._made.items():
            if company in self._companies_with_given:
                raise InvalidInput(f"company {company!r} has rows with and without a firm_id: {_ADVICE}")
            if slug in self._given:
                raise InvalidInput(f"company {company!r} gets the firm_id {slug!r} of another firm: {_ADVICE}")


def firm_slug(company: str) -> str:
    """Return an ASCII firm_id for a company's name: ``L'Oréal S.A.`` -> ``loreal-s-a``; the same name, the same id."""
    without_apostrophes = re.sub("['\u2019]", "", company)
    ascii_name = unicodedata.normalize("NFKD", without_apostrophes).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return slug or f"firm-{hashlib.sha256(company.encode()).hexdigest()[:12]}"
