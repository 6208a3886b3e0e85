"""The methods of AdminService, by what they are about."""

from tokenauthority_client.admin.audit import AuditTrail
from tokenauthority_client.admin.sessions import Sessions
from tokenauthority_client.admin.signing_keys import SigningKeys
from tokenauthority_client.admin.users import Users


class Admin(Users, Sessions, SigningKeys, AuditTrail):
    """What AdminService does for administrators: a client's `admin`.

    Only a caller that the authority names for it may: any other gets a CallerNotAllowedError. Each
    call is in the audit trail, under the caller's name, before it is answered.
    """


__all__ = ["Admin"]
