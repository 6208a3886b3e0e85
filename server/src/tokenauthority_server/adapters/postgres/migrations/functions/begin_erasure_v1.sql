-- Write down that a person is erased, before anything is: who breaks it off has been seen. Returns
-- 'done', or why not.
CREATE FUNCTION tokenauthority.begin_erasure_v1(
    p_user_id text, p_caller text, p_event_id uuid, p_call_id text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    stands text;
BEGIN
    SELECT status INTO stands FROM tokenauthority.users WHERE user_id = p_user_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'user_not_found';
    END IF;
    IF stands <> 'DELETED' THEN
        RETURN 'user_not_deleted';
    END IF;
    INSERT INTO tokenauthority.audit_events
        (user_id, event_id, kind, caller, outcome, request_id)
    VALUES (p_user_id, p_event_id, 'user.erased', p_caller, 'OK', p_call_id);
    RETURN 'done';
END
$$
