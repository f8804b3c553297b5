"""Requests that a server which ends cuts off."""

import asyncio
import json
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from backend.security.requests import RequestLog
from observability.metrics import Metrics

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/api/v1/chat/chat", "headers": [], "state": {}}


async def _cut_off(*, begun: bool) -> tuple[list[Any], asyncio.Task[None]]:
    arrived, sent = asyncio.Event(), list[Any]()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        arrived.set()
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    task = asyncio.create_task(RequestLog(app, Metrics())(SCOPE, receive, send))
    await arrived.wait()
    task.cancel()
    await asyncio.wait({task})
    return sent, task


async def test_request_that_is_cut_off_before_its_answer_is_told_to_try_again() -> None:
    (start, body), task = await _cut_off(begun=False)
    assert not task.cancelled()
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "shutting_down")
    assert (b"retry-after", b"5") in start["headers"]


async def test_request_that_is_cut_off_in_its_answer_just_ends() -> None:
    sent, task = await _cut_off(begun=True)
    assert task.cancelled()
    assert [message["type"] for message in sent] == ["http.response.start"]
