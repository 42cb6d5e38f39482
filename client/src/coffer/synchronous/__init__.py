"""The synchronous client, made from the package `asynchronous` by `python -m tests.client.synchronous`."""

from coffer.synchronous.client import Client

__all__ = ["Client"]
