"""The path of a request, and where it parts from another."""
