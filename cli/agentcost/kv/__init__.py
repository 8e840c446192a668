"""KV-cache bytes of a prompt: what attention needs, what an engine allocates, and how many sessions fit in a memory."""
