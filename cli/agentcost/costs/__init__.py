"""What every request cost, and which part of it is to blame for what."""
