"""The dialects of provider APIs, the more particular first."""

from agentcost.ingest.apis import anthropic, gemini, openai_chat, openai_responses
from agentcost.ingest.apis.contract import Api

APIS: tuple[Api, ...] = (anthropic.API, openai_responses.API, gemini.API, openai_chat.API)
