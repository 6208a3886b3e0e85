"""One-line conversations with the stores."""

import asyncio

import asyncpg
import redis


def sql(url: str, statement: str) -> object:
    """The first value that the statement gives."""

    async def ask() -> object:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def command(url: str, *words: str) -> object:
    """What Valkey answers."""
    with redis.Redis.from_url(url, decode_responses=True, socket_timeout=5) as client:
        answer: object = client.execute_command(*words)
        return answer
