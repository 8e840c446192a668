"""Errors that carry what to do next; `main.run` turns them into one red line."""


class AgentcostError(Exception):
    """A failure the user can act on. Exit status 1."""


class UsageError(AgentcostError):
    """The command was called in a way it cannot serve. Exit status 2."""


class BrokenLog(AgentcostError):
    """A file is in a format we read, and is broken as a whole."""


class Interrupted(AgentcostError):
    """The user pressed Ctrl-C. Exit status 130."""
