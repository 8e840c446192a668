"""`python -m agentcost`."""

from agentcost.main import main

if __name__ == "__main__":
    main()
