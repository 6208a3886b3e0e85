"""Opening keys holds nobody up: they are opened in a thread, and none of them for long."""

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from support.key_pairs import pair_of
from unit.adapters.forging import ENCRYPTION_KEYS, NOW

from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.signing_keys.material import KEY_PAIR_ALGORITHMS, SealedKeys
from tokenauthority_server.domain.keys import KeyState, SigningKey, StoredKey

SEALED = SealedKeys(ENCRYPTION_KEYS)


async def stored(algorithm: str) -> StoredKey:
    material = await SEALED.make(algorithm)
    key = SigningKey(
        key_id=material.key_id,
        algorithm=algorithm,
        state=KeyState.RETIRED,
        create_time=NOW,
        last_expire_time=NOW + timedelta(days=8),
    )
    return StoredKey(key=key, material=material)


def seconds(step: Callable[[], object]) -> float:
    """The processor's time for it, the median of five."""
    took = []
    for _ in range(5):
        begin = time.thread_time()
        step()
        took.append(time.thread_time() - begin)
    return statistics.median(took)


async def test_no_key_is_looked_at_again_when_it_is_opened() -> None:
    # To look at an RSA key takes a tenth of a second or so, in which no other thread runs; opening
    # it takes a hundredth of that.
    rsa = await stored("RS256")
    private = pair_of("RS256").private
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    looked_at = seconds(lambda: load_der_private_key(der, password=None))
    assert seconds(lambda: SEALED.open(rsa)) < looked_at / 5


async def test_the_loop_goes_on_while_a_ring_full_of_keys_is_opened() -> None:
    keys = [await stored(KEY_PAIR_ALGORITHMS[number % 4]) for number in range(20)]
    ring = KeyRing("ES256")

    def exchange() -> None:
        ring.replace([SEALED.open(one) for one in keys])

    pauses = []
    for _ in range(5):
        opening = asyncio.create_task(asyncio.to_thread(exchange))
        longest, last = 0.0, time.process_time()
        while not opening.done():
            await asyncio.sleep(0)
            now = time.process_time()
            longest, last = max(longest, now - last), now
        pauses.append(longest)
    assert len(ring.current().keys) == len(keys)
    # `make bench` holds it to 5 ms and finds 1.5; with each RSA key looked at again it is 40.
    assert min(pauses) < 0.015
