"""Redis: speed and short memory. All of it can be lost at any moment."""
