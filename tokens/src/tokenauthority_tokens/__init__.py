"""The form of the authority's tokens and their strict verifier, shared by server and clients.

`values` holds what tokens say, without any technology; `verifier` decides what is a token.
"""
