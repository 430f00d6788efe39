"""Errors that are written for the user: one line that says what is wrong, where, and what to do."""


class FtmError(Exception):
    """Stops FTM. The user sees its message unchanged, in one line."""


class InvalidInput(FtmError, ValueError):
    """The input is wrong: a name, a value or a file. Nothing has been written."""


class PrefetchRequiredError(FtmError):
    """The quarter has no prefetched sentences yet, so there is nothing to process."""


class QuarterRunning(FtmError):
    """Another execution runs the same quarter."""


class PrefetchRunning(FtmError):
    """Another process is prefetching the same quarter to the same place."""
