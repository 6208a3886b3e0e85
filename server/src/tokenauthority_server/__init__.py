"""The token authority: sessions, tokens and their revocation, over gRPC."""
