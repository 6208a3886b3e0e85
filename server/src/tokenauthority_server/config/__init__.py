"""The only reader of environment and files: every setting, checked once, frozen.

The table of them is in `rendering`, which takes time to import and is for `check-config` alone.
"""

from tokenauthority_server.config.dev_file import telling
from tokenauthority_server.config.dev_key import ensure_dev_key
from tokenauthority_server.config.faults import ConfigurationError, Fault
from tokenauthority_server.config.fields import is_loopback
from tokenauthority_server.config.loading import KEYS_READ, USERS_READ, Mode, load_settings
from tokenauthority_server.config.settings import Settings

__all__ = [
    "KEYS_READ",
    "USERS_READ",
    "ConfigurationError",
    "Fault",
    "Mode",
    "Settings",
    "ensure_dev_key",
    "is_loopback",
    "load_settings",
    "telling",
]
