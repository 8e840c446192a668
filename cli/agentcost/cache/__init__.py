"""What a prompt cache would serve: policies as values, one simulation, and the causes of misses."""
