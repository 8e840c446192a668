"""What a log's prompts take and read of memory on open models."""
