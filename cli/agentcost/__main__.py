"""`python -m agentcost`."""

from agentcost.main import run

if __name__ == "__main__":
    run()
