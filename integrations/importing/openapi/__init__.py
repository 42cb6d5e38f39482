"""Descriptions of APIs as drafts: OpenAPI 3.0 and 3.1, and Swagger 2, as exact as real documents are."""
