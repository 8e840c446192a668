"""The dialects of provider APIs, the more particular first."""

from agentcost.ingest.apis import anthropic, bedrock, completions, gemini, ollama, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api

APIS: tuple[Api, ...] = (
    bedrock.API, anthropic.API, openai_responses.API, gemini.API, ollama.API, openai_chat.API, *completions.APIS,
)  # fmt: skip
