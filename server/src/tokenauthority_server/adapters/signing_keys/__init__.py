"""Where key pairs that sign come from: sealed in the store, or in a folder."""
