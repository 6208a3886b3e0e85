"""Whether old tokens are accepted at all is for the settings to say."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from support.logs import configured
from support.old_tokens import SECRET, old_token

from tokenauthority_server.adapters.jwt.codec import TokenCodec
from tokenauthority_server.adapters.jwt.keyring import KeyRing
from tokenauthority_server.adapters.memory import (
    MemoryDatabase,
    MemoryRevocationView,
    MemorySessionRevoker,
)
from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.config import load_settings
from tokenauthority_server.domain.tokens import InactiveReason, TokenRefusedError
from tokenauthority_server.legacy import Accepting, accepting
from tokenauthority_server.telemetry.metrics import Metrics

GIVEN = {"LEGACY_JWT_SECRET_KEY": SECRET, "LEGACY_JWT_UNTIL": "2999-12-31"}


def ours() -> Accepting:
    ring = KeyRing("ES256")
    ring.replace(())
    rows = MemoryDatabase()
    return Accepting(
        verifier=TokenCodec(ring, issuer="wakedock", audience="wakedock-users"),
        view=MemoryRevocationView(rows),
        revoker=MemorySessionRevoker(rows),
    )


def wired(before: Accepting, **given: str) -> tuple[Accepting, str, Sequence[str]]:
    """What is accepted with these settings, the page of metrics, and the log."""
    settings = load_settings(given, Path("no .env file"), mode="dev")
    metrics = Metrics(CollectorRegistry(), version="1.2.3")
    with configured("info", "json") as log:
        after = accepting(before, settings, Database("postgresql://nowhere/db"), metrics)
    return after, generate_latest(metrics.registry).decode(), log.getvalue().splitlines()


def test_without_the_settings_nothing_of_it_is_there() -> None:
    before = ours()
    after, page, log = wired(before)
    assert after is before
    assert "legacy" not in page
    assert list(log) == []
    with pytest.raises(TokenRefusedError, match="MALFORMED"):
        after.verifier.verify(old_token())


def test_with_them_old_tokens_are_accepted_and_the_log_says_until_when() -> None:
    after, page, log = wired(ours(), **GIVEN)
    assert after.verifier.verify(old_token()).user_id == "17"
    assert [json.loads(line)["until"] for line in log] == ["2999-12-31"]
    assert 'tokenauthority_legacy_tokens_total{outcome="accepted"} 0.0' in page
    assert 'tokenauthority_legacy_tokens_total{outcome="refused"} 0.0' in page
    assert "\ntokenauthority_legacy_token_last_accepted_timestamp_seconds 0.0" in page


def test_issuer_and_audience_are_those_of_the_settings() -> None:
    after, _, _ = wired(ours(), **GIVEN, JWT_ISSUER="other")
    with pytest.raises(TokenRefusedError) as refusal:
        after.verifier.verify(old_token())
    assert refusal.value.reason is InactiveReason.WRONG_ISSUER
    assert after.verifier.verify(old_token(iss="other")).issuer == "other"


def test_the_secret_is_taken_as_it_is_and_not_decoded() -> None:
    encoded = base64.b64encode(bytes(range(7, 39))).decode()
    after, _, _ = wired(ours(), **GIVEN | {"LEGACY_JWT_SECRET_KEY": encoded})
    assert after.verifier.verify(old_token(encoded)).user_id == "17"
