"""PostgreSQL: the truth. Everything lives in the schema `tokenauthority`."""
