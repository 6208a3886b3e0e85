"""The groups of commands, one a file. What a command needs is imported when it runs."""
