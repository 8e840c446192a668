"""Two runs compared, one run judged, and what is told of it."""
