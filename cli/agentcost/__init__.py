"""agentcost: an offline analyzer of agent request logs."""

__version__ = "0.1.0"
