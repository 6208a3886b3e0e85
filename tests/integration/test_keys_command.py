"""`tokenauthority keys`: what it prints, and what it refuses, beside no server at all."""

import base64
import io
import os

import pytest
from rich.console import Console
from support.authority import KEY, NO_FILE
from support.commands import HERE, Finished, run

from tokenauthority_server.adapters.postgres.database import Database
from tokenauthority_server.adapters.postgres.migrate import migrate
from tokenauthority_server.adapters.sealing import EncryptionKeys
from tokenauthority_server.config import Settings, load_settings
from tokenauthority_server.domain.errors import StartError
from tokenauthority_server.keys_command import Hand, Work
from tokenauthority_server.keys_command import run as run_here
from tokenauthority_server.signing import signing

OTHER_KEY = base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
async def settings(database_url: str) -> Settings:
    """Those of servers that have made their first keys."""
    await migrate(database_url)
    settings = settings_of(database_url)
    database = Database(database_url)
    await database.open()
    await signing(settings, database, EncryptionKeys(settings.key_encryption_keys)).rotation.tick()
    await database.close()
    return settings


def settings_of(database_url: str, **others: str) -> Settings:
    given = {"DATABASE_URL": database_url, "KEY_ENCRYPTION_KEY": KEY, **others}
    return load_settings(given, NO_FILE, mode="keys")


async def printed(settings: Settings, work: Work, width: int = 120) -> list[list[str]]:
    """The words of each line, on a terminal of this width."""
    screen = io.StringIO()
    await run_here(settings, Console(file=screen, width=width, force_terminal=True), work)
    return [line.split() for line in screen.getvalue().splitlines() if line.strip()]


async def listed(settings: Settings, width: int = 120) -> dict[str, str]:
    """The state of each key, by its id."""
    lines = await printed(settings, Hand.list_keys, width)
    return {words[0]: words[2] for words in lines if len(words[0]) == 43}


def command(settings: Settings, *arguments: str, **others: str) -> Finished:
    given = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "KEY_ENCRYPTION_KEY": settings.key_encryption_key.get_secret_value(),
        **others,
    }
    return run(HERE / "tokenauthority", "keys", *arguments, settings=given)


@pytest.mark.parametrize("width", [72, 80, 100, 200])
async def test_ids_are_whole_on_any_terminal(settings: Settings, width: int) -> None:
    # Guard: with the library's own widths they were cut, and nobody could type them to revoke one.
    assert sorted((await listed(settings, width)).values()) == ["ACTIVE", "PREPARED"]


async def test_a_rotation_prints_the_key_that_signs(settings: Settings) -> None:
    before = await listed(settings)
    lines = await printed(settings, lambda hand: hand.activate(""))
    (prepared,) = [key_id for key_id, state in before.items() if state == "PREPARED"]
    assert [words[:3] for words in lines if words[0] == prepared] == [[prepared, "ES256", "ACTIVE"]]
    assert " ".join(lines[-1]) == (
        "Every server with JWT_ALGORITHM=ES256 signs with it within 5 seconds."
    )
    assert (await listed(settings))[prepared] == "ACTIVE"


async def test_another_algorithms_key_is_prepared_and_retired(settings: Settings) -> None:
    lines = await printed(settings, lambda hand: hand.prepare("EdDSA"))
    (made,) = [words[0] for words in lines if words[1:3] == ["EdDSA", "PREPARED"]]
    await printed(settings, lambda hand: hand.retire(made))
    assert (await listed(settings))[made] == "RETIRED"


def test_a_revocation_asks_first_and_nobody_is_no_answer(settings: Settings) -> None:
    refused = command(settings, "revoke", "A" * 43)
    assert (refused.code, refused.text) == (
        2,
        "Nobody is there to be asked: say --yes if it is meant.\n",
    )


async def test_a_revoked_key_is_shown_with_what_it_ended(settings: Settings) -> None:
    (active,) = [one for one, state in (await listed(settings)).items() if state == "ACTIVE"]
    done = command(settings, "revoke", "--yes", active)
    assert done.code == 0
    assert [active, "ES256", "REVOKED"] in [line.split()[:3] for line in done.text.splitlines()]
    assert done.text.endswith("0 sessions have ended.\nServers learn of it within seconds.\n")
    assert sorted((await listed(settings)).values()) == ["ACTIVE", "REVOKED"]


async def test_with_the_log_the_servers_know_of_it_when_it_is_told(
    settings: Settings, redis_url: str
) -> None:
    (active,) = [one for one, state in (await listed(settings)).items() if state == "ACTIVE"]
    told = {"REDIS_URL": redis_url, "REVOCATION_LEASE_SECONDS": "1"}
    done = command(settings, "revoke", "--yes", active, **told)
    assert done.text.endswith("0 sessions have ended.\n")


async def test_a_log_that_cannot_be_reached_is_no_reason_not_to_revoke(
    settings: Settings, unused_tcp_port: int
) -> None:
    (active,) = [one for one, state in (await listed(settings)).items() if state == "ACTIVE"]
    away = {"REDIS_URL": f"redis://127.0.0.1:{unused_tcp_port}"}
    done = command(settings, "revoke", "--yes", active, **away)
    assert done.code == 0
    assert done.text.endswith("Servers learn of it within seconds.\n")


async def test_a_key_that_stands_elsewhere_is_revoked_whatever_its_folder_is_like(
    settings: Settings,
) -> None:
    done = command(
        settings, "revoke", "--yes", "--elsewhere", "in-a-file", SIGNING_KEYS_DIR="/nowhere"
    )
    assert done.code == 0
    assert "Nothing that a key in-a-file has signed is good any more." in done.text


async def test_sealing_anew_tells_by_which_key(settings: Settings) -> None:
    url = settings.database_url.get_secret_value()
    both = settings_of(url, KEY_ENCRYPTION_KEY=f"{OTHER_KEY},{KEY}")
    for anew in (2, 0):
        (words,) = await printed(both, Hand.rewrap, 200)
        assert " ".join(words).startswith("2 of 2 keys are sealed by the first key of KEY_ENC")
        assert " ".join(words).endswith(f", {anew} of them anew.")
    alone = await printed(settings_of(url, KEY_ENCRYPTION_KEY=OTHER_KEY), Hand.rewrap, 200)
    assert " ".join(alone[1]).startswith("It is the only one. To exchange it,")


@pytest.mark.parametrize("name", ["activate", "retire", "revoke"])
def test_an_id_that_begins_with_a_dash_is_an_id(settings: Settings, name: str) -> None:
    # Guard: one in sixty-four was taken for an option.
    yes = ("--yes",) if name == "revoke" else ()
    assert "no signing key -8K79" in command(settings, name, *yes, "-8K79").text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("retire", "A" * 43), "The database has no signing key AAAA"),
        (("revoke", "--yes", "A" * 43), "`keys revoke --elsewhere` revokes one"),
        (("activate", "A" * 43), "The database has no signing key AAAA"),
        (("prepare", "--algorithm", "HS256"), "algorithm: must be one of ES256, EdDSA, RS256"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    settings: Settings, arguments: tuple[str, ...], told: str
) -> None:
    done = command(settings, *arguments)
    assert done.code == 1
    assert told in done.text
    assert done.text.count("\n") == 1


async def test_the_key_that_signs_and_a_young_one_are_refused_with_what_to_do(
    settings: Settings,
) -> None:
    (active,) = [one for one, state in (await listed(settings)).items() if state == "ACTIVE"]
    assert "Activate another one" in command(settings, "retire", active).text
    command(settings, "activate")
    assert "No signing key for ES256 is prepared" in command(settings, "activate").text
    command(settings, "prepare")
    assert "may be activated from" in command(settings, "activate").text


async def test_another_encryption_key_stores_nothing(settings: Settings) -> None:
    for arguments in (("prepare",), ("rewrap",), ("revoke", "--yes", *await listed(settings))):
        done = command(settings, *arguments[:3], KEY_ENCRYPTION_KEY=OTHER_KEY)
        assert (done.code, "cannot be opened" in done.text) == (2, True), done
    assert len(await listed(settings)) == 2


async def test_a_setting_that_brings_the_key_leaves_none_to_activate(settings: Settings) -> None:
    done = command(settings, "activate", JWT_ALGORITHM="HS256", JWT_SECRET_KEY=OTHER_KEY)
    assert done.code == 1
    assert "A setting brings the key that signs" in done.text


async def test_a_database_that_is_away_or_without_the_schema_is_told(
    settings: Settings, database_url: str
) -> None:
    away = database_url.rpartition(":")[0] + ":1/nothing"
    done = command(settings, "list", DATABASE_URL=away)
    assert done.code == 1
    assert "the one of DATABASE_URL, from environment" in done.text
    with pytest.raises(StartError, match="run `tokenauthority migrate`"):
        await printed(
            settings_of(
                database_url.replace("/tokenauthority_test_", "/postgres?x=").split("?")[0]
            ),
            Hand.list_keys,
        )
