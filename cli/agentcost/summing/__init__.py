"""From a record to its baseline."""
