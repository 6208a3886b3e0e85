"""Logs and metrics; stands beside the layers and leans on none of them."""
