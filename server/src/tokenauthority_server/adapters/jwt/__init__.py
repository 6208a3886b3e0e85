"""Tokens as JSON Web Tokens: the keys known to this process, which sign and verify them."""
