"""Errors that carry what to do next; `main.run` turns them into one red line."""


class AgentcostError(Exception):
    """A failure the user can act on. Exit status 1."""


class UsageError(AgentcostError):
    """The command was called in a way it cannot serve. Exit status 2."""


class BrokenLog(AgentcostError):
    """A file is in a format we read, and is broken as a whole: its `name`, and the `reason` with what to do."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Interrupted(AgentcostError):
    """The user pressed Ctrl-C. Exit status 130."""
