"""Waiting for news, or for a time."""

import asyncio

from unit.revocation.hand_ticks import HandTicks, turns

from tokenauthority_server.revocation.pausing import news_or_time


async def test_news_end_the_wait_and_are_taken() -> None:
    ticks, news = HandTicks(), asyncio.Event()
    waiting = asyncio.ensure_future(news_or_time(news, ticks, 5))
    await turns()
    news.set()
    await turns()
    assert waiting.done()
    assert not news.is_set()


async def test_news_that_there_are_already_are_not_waited_for() -> None:
    ticks, news = HandTicks(), asyncio.Event()
    news.set()
    await news_or_time(news, ticks, 5)
    assert not news.is_set()


async def test_time_ends_the_wait() -> None:
    ticks, news = HandTicks(), asyncio.Event()
    await news_or_time(news, ticks, 0)
    waiting = asyncio.ensure_future(news_or_time(news, ticks, 5))
    await ticks.go_on(4.9)
    assert not waiting.done()
    await ticks.go_on(0.2)
    assert waiting.done()


async def test_who_is_cancelled_leaves_nothing_behind() -> None:
    ticks, news = HandTicks(), asyncio.Event()
    before = asyncio.all_tasks()
    waiting = asyncio.ensure_future(news_or_time(news, ticks, 5))
    await turns()
    waiting.cancel()
    await turns()
    assert asyncio.all_tasks() == before
