"""A record that can be given away."""
