"""The statements about signing keys. All but two changes are functions that lock the table first.

The lock (SHARE ROW EXCLUSIVE) keeps other changes of keys out, which are rare, and no reader.
"""

from typing import Final

# One statement, so one view: a key that is revoked meanwhile is seen in both places or in none.
LOAD: Final = """
SELECT k.kid, k.algorithm, k.public_jwk, k.sealed_private_key, k.state, k.created_at,
    k.activated_at, k.retired_at, k.last_expires_at, asked.now, asked.revoked
FROM (SELECT now() AS now, ARRAY(
    SELECT target FROM tokenauthority.revocations
    WHERE user_id = '' AND kind = 'key' AND expires_at > now()) AS revoked) AS asked
LEFT JOIN tokenauthority.signing_keys AS k ON true
ORDER BY k.created_at DESC, k.kid
"""

PREPARE: Final = "SELECT * FROM tokenauthority.prepare_signing_key_v1($1, $2, $3, $4, $5, $6, $7)"

SUPPLY: Final = """
SELECT tokenauthority.supply_signing_keys_v1($1, $2, $3, $4, $5, $6, $7) AS done
"""

ACTIVATE: Final = "SELECT * FROM tokenauthority.activate_signing_key_v1($1, $2, $3, $4, $5, $6, $7)"

RETIRE: Final = "SELECT * FROM tokenauthority.retire_signing_key_v1($1, $2, $3, $4)"

REVOKE: Final = """
SELECT * FROM tokenauthority.revoke_signing_key_v1($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

REVOKE_ELSEWHERE: Final = """
SELECT tokenauthority.revoke_key_elsewhere_v1($1, $2, $3, $4) AS is_new
"""

COUNT_SESSIONS: Final = """
SELECT tokenauthority.count_sessions_of_key_v1($1, $2, $3, $4) AS ended
"""

EXTEND: Final = """
UPDATE tokenauthority.signing_keys SET last_expires_at = now() + $2::interval
WHERE state IN ('ACTIVE', 'PREPARED') AND last_expires_at < now() + $1::interval
RETURNING kid
"""

RESEAL: Final = """
WITH resealed AS (
    UPDATE tokenauthority.signing_keys SET sealed_private_key = $3
    WHERE kid = $1 AND sealed_private_key = $2
    RETURNING kid, algorithm
), audited AS (
    INSERT INTO tokenauthority.audit_events (user_id, event_id, kind, outcome, details)
    SELECT '', $4, 'key.rewrapped', 'OK', jsonb_build_object('key_id', kid, 'algorithm', algorithm)
    FROM resealed
)
SELECT kid FROM resealed
"""
