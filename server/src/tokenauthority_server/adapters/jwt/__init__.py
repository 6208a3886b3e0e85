"""Tokens as JSON Web Tokens: parsed strictly here, signed and verified by PyJWT's algorithms."""
