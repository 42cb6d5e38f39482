"""The kind `sip_trunk`: Coffer answers digest challenges for a telephony provider's trunk. It carries no calls."""
