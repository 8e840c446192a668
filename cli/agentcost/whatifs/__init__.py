"""What would help: the same requests sent otherwise, replayed, and what each way would save."""
