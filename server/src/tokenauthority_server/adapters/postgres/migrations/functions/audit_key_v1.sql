-- Write a change of a signing key into the audit trail. Only the change itself knows how many
-- events it has, and there are few, so their ids are made here.
CREATE FUNCTION tokenauthority.audit_key_v1(
    p_kind text, p_reason text, p_caller text, p_call_id text, p_details jsonb
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, outcome, reason, request_id, details)
    VALUES ('', tokenauthority.event_id_v1(), p_kind, p_caller, 'OK', p_reason, p_call_id,
        jsonb_strip_nulls(p_details))
$$
