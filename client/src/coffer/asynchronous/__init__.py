"""The asynchronous client. The package `synchronous` is made from this one by `python -m tests.client.synchronous`."""

from coffer.asynchronous.client import AsyncClient

__all__ = ["AsyncClient"]
