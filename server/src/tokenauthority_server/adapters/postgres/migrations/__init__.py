"""Alembic's migrations, and the functions that they create."""
