"""Revocation that is final when it is acknowledged: docs/revocation.md tells the protocol."""
