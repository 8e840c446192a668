"""The commands, one per file: parse, build, run, show."""
