"""The upstream and the clients of the part `stream`, and what masking alone costs."""
