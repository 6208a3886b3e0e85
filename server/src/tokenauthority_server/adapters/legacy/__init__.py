"""The platform's old access tokens, for as long as it takes to be rid of them: then delete this."""
