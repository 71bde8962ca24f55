"""Readers of other people's files: pure functions, no database, every fault a ReadError that says what to do."""


class ReadError(Exception):
    """The whole file cannot be read. The message says what is wrong and what to do about it."""
