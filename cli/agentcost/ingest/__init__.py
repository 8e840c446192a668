"""Logs: where they come from, and a reader per format (see `readers`)."""
