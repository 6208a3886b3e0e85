"""Messages as bytes, and bytes that are none."""

import asyncio

import pytest

from tokenauthority_server.supervision import frames
from tokenauthority_server.supervision.frames import BrokenFrameError, frame, read_frame


def arriving(sent: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(sent)
    reader.feed_eof()
    return reader


async def test_what_is_sent_arrives_in_its_order() -> None:
    reader = arriving(frame({"id": 1, "answer": "ü"}) + frame({"inf": float("inf")}))

    assert await read_frame(reader) == {"id": 1, "answer": "ü"}
    assert await read_frame(reader) == {"inf": float("inf")}
    assert await read_frame(reader) is None


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, -1])
async def test_a_message_that_breaks_off_is_the_end(cut: int) -> None:
    assert await read_frame(arriving(frame({"ready": True})[:cut])) is None


async def test_an_end_by_force_is_an_end() -> None:
    reader = asyncio.StreamReader()
    reader.set_exception(ConnectionResetError())
    assert await read_frame(reader) is None


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b""])
async def test_bytes_that_are_no_message_are_refused(body: bytes) -> None:
    with pytest.raises(BrokenFrameError):
        await read_frame(arriving(len(body).to_bytes(4, "big") + body))


async def test_what_is_too_long_is_neither_sent_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    long = frame({"text": "x" * 100})
    monkeypatch.setattr(frames, "MOST_BYTES", 100)

    with pytest.raises(BrokenFrameError, match="of 100 at the most"):
        frame({"text": "x" * 100})
    # Guard: without the check the whole of it was read.
    with pytest.raises(BrokenFrameError, match="of 100 at the most"):
        await read_frame(arriving(long))
