"""Read models for pages and the API: whether integrations would run, their list, and the list of API keys.

Nothing is decrypted or called. The rules are those of a run (`integrations.broker.preparation`).
"""
