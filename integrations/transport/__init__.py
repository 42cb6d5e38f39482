"""The sockets of Coffer: HTTP and SIP requests under limits of size and time, to judged addresses only.

The egress policy is in `integrations.egress`; responses are masked by the broker.
"""
