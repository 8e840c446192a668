"""What a run is summed up in, and what may be asked of it."""
