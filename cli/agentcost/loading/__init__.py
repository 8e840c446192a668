"""From files to one record: reading, resuming, several processes, and what is told of a file."""
