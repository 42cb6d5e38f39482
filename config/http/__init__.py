"""HTTP outside of views: limits of bodies and query strings, error responses, headers, health checks, error reports."""
