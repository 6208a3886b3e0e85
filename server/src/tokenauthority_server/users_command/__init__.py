"""`tokenauthority users`: the users of another system, and persons who want to be forgotten."""
