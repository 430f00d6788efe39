"""Gives every row the id of its firm: the id in the input, else the ticker, else one made from the company's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from cloud.src.contract.errors import InvalidInput

ADVICE = "give every row a firm_id, or write a company's name the same way everywhere"


class FirmIds:
    """Remembers which id belongs to which company, so that no two share one and none has two."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self.tickers: set[str] = set()
        self._company_of: dict[str, str] = {}  # by ticker
        self._slugs: dict[str, str] = {}
        self._how: dict[str, str] = {}  # company -> how it got its id

    def of(self, given: str | None, ticker: str | None, company: str | None) -> str | None:
        """Return the firm's id, or None if there is nothing to make it from; raise InvalidInput if two firms clash."""
        how = "firm_id" if given else "ticker" if ticker else "name"
        if company and self._how.setdefault(company, how) != how:
            also = {self._how[company], how} - {"name"}
            raise InvalidInput(f"company {company!r} has rows with and without a {sorted(also)[0]}: {ADVICE}")
        if given:
            self._given.add(given)
            return given
        if ticker:
            return self._of_ticker(ticker.upper(), company)
        if not company:
            return None
        slug = firm_slug(company)
        other = self._slugs.setdefault(slug, company)
        if other != company:
            raise InvalidInput(f"companies {other!r} and {company!r} get the same firm_id {slug!r}: {ADVICE}")
        return slug

    def _of_ticker(self, ticker: str, company: str | None) -> str:
        self.tickers.add(ticker)
        if company:
            other = self._company_of.setdefault(ticker, company)
            if other != company and firm_slug(other) != firm_slug(company):
                raise InvalidInput(f"ticker {ticker!r} belongs to two companies, {other!r} and {company!r}: {ADVICE}")
        return ticker

    def check(self) -> None:
        """Raise InvalidInput if ids made in different ways turned out the same; call it after the last row."""
        for slug, company in self._slugs.items():
            if slug in self._given | self.tickers:
                raise InvalidInput(f"company {company!r} gets the firm_id {slug!r} of another firm: {ADVICE}")
        for ticker in sorted(self.tickers & self._given):
            raise InvalidInput(f"ticker {ticker!r} of one firm is the firm_id of another: give every row a firm_id")


def firm_slug(company: str) -> str:
    """Return an ASCII firm_id for a company's name: ``L'Oréal S.A.`` -> ``loreal-s-a``; the same name, the same id."""
    without_apostrophes = re.sub("['\u2019]", "", company)
    ascii_name = unicodedata.normalize("NFKD", without_apostrophes).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")
    return slug or f"firm-{hashlib.sha256(company.encode()).hexdigest()[:12]}"
