"""Row 33: a corrupt key file. The last good set stays, whatever the load asks meanwhile."""

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.harness.check import check
from faults.harness.counts import rounds
from faults.harness.fleet import Fleet, Worker
from faults.harness.keys import signs_with
from faults.harness.load import Load
from faults.harness.record import Record
from support.key_files import new_key, pem, public_pem

from tokenauthority_client import InactiveReason, Subject
from tokenauthority_tokens import jwk
from tokenauthority_tokens.algorithms import ES256

FEW = 0.05
"""Calls that a busy machine may keep waiting for too long."""
REFUSED = "a signing key is refused, the last good set stays"


async def test_a_corrupt_key_file_is_noticed_by_nobody(
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    record: Record,
    counted: Callable[[int, int], Iterator[int]],
) -> None:
    # Guard: with the good files taken without the damaged one, refreshes of tokens that its key had
    # signed were REFRESH_TOKEN_INVALID.
    active, key = tmp_path / "0000.pem", new_key()
    put(active, pem(key))
    async with Fleet.of(2, database_url, redis_url, SIGNING_KEYS_DIR=str(tmp_path)) as fleet:
        async with Load.on(record, fleet.workers, "33-files") as load:
            for number in counted(33, rounds(2, 50)):
                successor, its_key = tmp_path / f"{number + 1:04}.pem", new_key()
                put(successor, public_pem(its_key))
                for worker in fleet.workers:
                    await reads_again(worker)
                good = active.read_bytes()
                put(active, damaged(good, number))
                for worker in fleet.workers:
                    await reads_again(worker)
                    assert worker.log.read_text("utf-8").count(REFUSED) == number + 1
                await load.goes_on(fleet.workers)
                put(active, good)
                put(successor, pem(its_key))
                for worker in fleet.workers:
                    await reads_again(worker)
                    its_id = jwk.thumbprint(its_key.public_key(), ES256)
                    await signs_with(record, worker, its_id)
                await load.goes_on(fleet.workers)
                active = successor
        assert load.asked_again < FEW * load.answered.total()
        await check(record, fleet.workers, database_url)


def put(path: Path, content: bytes) -> None:
    """Exchange the file at once, so that nothing is damaged but on purpose."""
    draft = path.with_name(".draft")
    draft.write_bytes(content)
    draft.replace(path)


def damaged(content: bytes, number: int) -> bytes:
    """Cut off anywhere, as by whoever writes it, or with its middle gone."""
    cut = secrets.randbelow(len(content) - 40)
    return content[:cut] if number % 2 else content[:60] + content[90:]


async def reads_again(worker: Worker) -> None:
    """Return when the worker has looked for a key that it does not know, as a token names it."""
    user = Subject(user_id="u-33", username="u-33")
    pair = await worker.client.create_pair(user)
    header = {"alg": "ES256", "kid": secrets.token_urlsafe(32), "typ": "at+jwt"}
    encoded = base64.urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode())
    _, _, rest = pair.access_token.partition(".")
    verdict = await worker.client.validate(f"{encoded.rstrip(b'=').decode()}.{rest}")
    assert verdict.reason is InactiveReason.UNKNOWN_KEY
    await worker.client.revoke_session(pair.session_id)
