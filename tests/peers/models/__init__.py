"""A stand-in for services of language and voice models, as far as the official SDKs of OpenAI and Anthropic look."""
