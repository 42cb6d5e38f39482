"""Pages of alerts: channels and webhooks, their deliveries."""
