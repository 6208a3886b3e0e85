"""Values, rules, errors and ports of the token authority: no I/O and no technology."""
