"""Metrics for Prometheus and traces for OpenTelemetry (docs/monitoring.md). Neither is imported unless it is set."""
