"""The OpenAPI document of the API: what the framework writes, completed so that clients can be generated from it.

The endpoints declare their fields and statuses. What holds for many of them is added here: the configurations of all
kinds, problem documents with their codes, headers, limits, examples, and links from one operation to the next.
"""
