"""Row 12: no token, key, password or address with a password is in anything that a run emits."""

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import grpc
from faults.harness.fleet import Fleet, Worker
from faults.harness.secrets_of import leaks, of_bytes, of_signing_keys, of_token
from support.commands import HERE, KEY, run
from support.failures import failure_of
from support.people import Door, hashed
from support.postgres import Databases

from tokenauthority.v1 import token_service_pb2 as pb
from tokenauthority_client import Subject, TokenPair

SECRET = "s3cret-of-the-platform-0123456789"
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()
UNKNOWN_KEY = "A" * 43
PASSWORD, NEXT_PASSWORD = "Tr0ub4dor and three more", "another Tr0ub4dor, and five"
WRONG_PASSWORD, MISPLACED_PASSWORD = "Tr0ub4dor and none more", "Tr0ub4dor as my own name"
AT_ONCE = 2
"""Commands: for the processors that there are."""
PAGES = ("/metrics", "/readyz", "/livez", "/.well-known/jwks.json", "/nothing")


async def use(worker: Worker, said: dict[str, str]) -> list[TokenPair]:
    """Every RPC, as it is meant and with secrets where they do not belong."""
    client, stub = worker.client, worker.stub
    pair = await client.create_pair(Subject(user_id="u-1", username="ann", roles=("admin",)))
    refreshed = (await client.refresh(pair.refresh_token)).pair
    assert await client.validate(refreshed.access_token)
    for token in (pair.refresh_token, pair.access_token[:-4], pair.access_token + "=", SECRET):
        verdict = await stub.Validate(pb.ValidateRequest(token=token))
        said[f"verdict {len(said)}"] = str(verdict)
    listed = await stub.ListSessions(pb.ListSessionsRequest(user_id="u-1", page_size=1))
    said["list"] = str(listed)
    await client.revoke_token(refreshed.access_token)
    await client.revoke_session(refreshed.session_id)
    token = refreshed.refresh_token
    wrong: list[tuple[Any, Any]] = [
        (stub.Refresh, pb.RefreshRequest(refresh_token=token)),
        (stub.Refresh, pb.RefreshRequest(refresh_token=token[:-1])),
        (stub.CreatePair, pb.CreatePairRequest(user_id=token)),
        (stub.CreatePair, pb.CreatePairRequest(user_id="u-1", request_id=token * 3)),
        (stub.CreatePair, pb.CreatePairRequest(subject=pb.Subject(user_id="u-2", username=token))),
        (stub.ListSessions, pb.ListSessionsRequest(user_id="u-1", page_token=token)),
        (stub.Revoke, pb.RevokeRequest(session_id="s", except_session_id=token)),
    ]
    for number, (rpc, request) in enumerate(wrong):
        said[f"error {number}"] = (await failure_of(rpc(request, timeout=5))).everything
    raw: list[tuple[str, bytes]] = [
        ("TokenService/Validate", b"\x0a\xff" + token.encode()),
        ("AccountService/Login", token.encode()),
        (f"TokenService/{token[:40]}", b""),
    ]
    for method, body in raw:
        call: Any = worker.channel.unary_unary(f"/tokenauthority.v1.{method}")
        said[f"raw {len(said)}"] = (await failure_of(call(body))).everything
    said["metadata"] = (
        await failure_of(
            stub.Refresh(
                pb.RefreshRequest(refresh_token=token),
                metadata=(("x-request-id", token), ("authorization", f"Bearer {token}")),
            )
        )
    ).everything
    return [pair, refreshed]


async def log_in(worker: Worker, database_url: str, said: dict[str, str]) -> list[TokenPair]:
    """Every RPC of accounts, with passwords that are right, wrong, and in the wrong field."""
    stored = await hashed(PASSWORD)
    await worker.client.create_pair(Subject(user_id="u-3", username="bea"))
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "UPDATE tokenauthority.users SET password_hash = $1 WHERE user_id = 'u-3'", stored
    )
    door = Door.of(worker.channel)
    pair = await door.login("bea", PASSWORD)
    for number, call in enumerate(
        (
            door.login("bea", WRONG_PASSWORD),
            door.login(MISPLACED_PASSWORD, WRONG_PASSWORD),
            door.login("bea", WRONG_PASSWORD * 50),
            door.change(pair.access_token, WRONG_PASSWORD, NEXT_PASSWORD),
            door.change(pair.access_token, PASSWORD, NEXT_PASSWORD[:11]),
            door.change(WRONG_PASSWORD, PASSWORD, NEXT_PASSWORD),
        )
    ):
        said[f"refused password {number}"] = (await failure_of(call)).everything
    said["changed"] = str(await door.change(pair.access_token, PASSWORD, NEXT_PASSWORD))
    await connection.execute("ALTER TABLE tokenauthority.login_failures RENAME TO gone")
    failure = await failure_of(door.login("bea", NEXT_PASSWORD))
    assert failure.code is grpc.StatusCode.INTERNAL
    said["broken login"] = failure.everything
    await connection.execute("ALTER TABLE tokenauthority.gone RENAME TO login_failures")
    rows = await connection.fetch("SELECT * FROM tokenauthority.audit_events")
    said["audit trail"] = "\n".join(map(str, rows))
    failures = await connection.fetch("SELECT * FROM tokenauthority.login_failures")
    said["failures"] = "\n".join(map(str, failures))
    await connection.close()
    return [
        TokenPair(
            access_token=pair.access_token,
            refresh_token=pair.refresh_token,
            expires_in=pair.expires_in,
            token_type=pair.token_type,
            session_id=pair.session_id,
            access_expire_time=pair.access_expire_time.ToDatetime(),
            refresh_expire_time=pair.refresh_expire_time.ToDatetime(),
        )
    ]


async def break_things(worker: Worker, database_url: str, said: dict[str, str]) -> None:
    """An unexpected fault, whose traceback is logged."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE tokenauthority.token_metrics RENAME TO gone")
    request = pb.CreatePairRequest(subject=pb.Subject(user_id="u-9", username="zoe"))
    failure = await failure_of(worker.stub.CreatePair(request))
    assert failure.code is grpc.StatusCode.INTERNAL
    said["internal"] = failure.everything
    await connection.execute("ALTER TABLE tokenauthority.gone RENAME TO token_metrics")
    await connection.close()
    log = worker.log.read_text("utf-8")
    assert "Traceback" in log


def run_commands(settings: Mapping[str, str], said: dict[str, str]) -> None:
    """What people type, as it is meant and with what they get wrong."""
    program = HERE / "tokenauthority"
    url = settings["DATABASE_URL"]
    without_password = urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2])
    away = url.replace(f":{urlsplit(url).port}/", ":1/")
    commands: list[tuple[str, list[str], dict[str, str]]] = [
        ("check-config", ["check-config"], {}),
        ("list", ["keys", "list"], {}),
        ("prepare", ["keys", "prepare"], {}),
        ("activate", ["keys", "activate"], {}),
        ("unknown key", ["keys", "retire", UNKNOWN_KEY], {}),
        ("unknown algorithm", ["keys", "prepare", "--algorithm", "none"], {}),
        ("rewrap", ["keys", "rewrap"], {"KEY_ENCRYPTION_KEY": f"{OTHER_KEY},{KEY}"}),
        ("janitor", ["janitor", "--once"], {}),
        ("migrate", ["migrate"], {}),
        ("database away", ["keys", "list"], {"DATABASE_URL": away}),
        ("no password", ["keys", "list"], {"DATABASE_URL": without_password.geturl()}),
        ("no schema", ["keys", "list"], {"DATABASE_URL": url.replace("/token", "/no")}),
        ("another key", ["keys", "rewrap"], {"KEY_ENCRYPTION_KEY": OTHER_KEY}),
        ("two keys", ["serve"], {"KEY_ENCRYPTION_KEY": f"{KEY},{KEY}", "GRPC_PORT": "x"}),
        ("bad address", ["serve"], {"DATABASE_URL": url.replace("postgresql", "mysql")}),
    ]

    def text_of(command: list[str], changes: dict[str, str]) -> str:
        # Wide enough that no secret is folded, and missed.
        return run(program, *command, settings={**settings, **changes, "COLUMNS": "500"}).text

    with ThreadPoolExecutor(AT_ONCE) as threads:
        texts = {
            name: threads.submit(text_of, command, changes) for name, command, changes in commands
        }
    said |= {name: text.result() for name, text in texts.items()}
    said["unwrap"] = text_of(["keys", "rewrap"], {"KEY_ENCRYPTION_KEY": f"{KEY},{OTHER_KEY}"})


async def test_nothing_secret_is_emitted_in_a_full_run(
    databases: Databases, redis_url: str
) -> None:
    said: dict[str, str] = {}
    async with databases.fresh() as url:
        settings = {"DATABASE_URL": url, "REDIS_URL": redis_url, "KEY_ENCRYPTION_KEY": KEY}
        async with Fleet.of(1, url, redis_url, LOG_LEVEL="debug", JWT_SECRET_KEY=SECRET) as fleet:
            (worker,) = fleet.workers
            pairs = await use(worker, said) + await log_in(worker, url, said)
            await break_things(worker, url, said)
            run_commands(settings, said)
            for page in PAGES:
                said[page] = (await worker.http.ask(page)).body.decode()
            await worker.stop()
            said["log"] = worker.log.read_text("utf-8")
        secrets = [
            *of_bytes("KEY_ENCRYPTION_KEY", base64.b64decode(KEY)),
            *of_bytes("the other KEY_ENCRYPTION_KEY", base64.b64decode(OTHER_KEY)),
            *await of_signing_keys(url, base64.b64decode(KEY)),
            ("JWT_SECRET_KEY", SECRET),
            ("the right password", PASSWORD),
            ("the next password", NEXT_PASSWORD),
            ("the wrong password", WRONG_PASSWORD),
            ("the password in the wrong field", MISPLACED_PASSWORD),
            ("password of PostgreSQL", str(urlsplit(url).password)),
        ]
        if password := urlsplit(redis_url).password:
            secrets.append(("password of Redis", password))
        for number, pair in enumerate(pairs):
            secrets += of_token(f"access token {number}", pair.access_token)
            secrets += of_token(f"refresh token {number}", pair.refresh_token)

    assert leaks(secrets, said) == []
    # Each part of the run has said something, and what is planted is found.
    assert all(said.values())
    for name, secret in secrets:
        assert leaks(secrets, {"log": f"before {secret} after"}), name
