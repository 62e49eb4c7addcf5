"""Keeps the worker connected until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Callable

from ._classifier import NaiveBayes
from ._database import ScoreWriter
from ._options import Options
from ._session import Session, SessionEnded

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class CannotStart(Exception):
    """The worker did not get to consume within the time given for it."""


class Worker:
    """Runs one session after the other; to be created inside the event loop."""

    def __init__(self, options: Options, model: NaiveBayes, writer: ScoreWriter | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._options = options
        self._model = model
        self._writer = writer
        self._stopping: asyncio.Future[None] = self._loop.create_future()
        self._failure: CannotStart | None = None
        self._trouble = "the broker does not answer"

    def stop(self) -> None:
        """Finish the work in progress, then let `run` return."""
        if not self._stopping.done():
            self._stopping.set_result(None)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until stopped; raises `CannotStart`. `on_ready` is called once, when all consumers consume."""
        starting = self._loop.call_later(self._options.connect_timeout, self._give_up)
        ready = False
        pause = _SHORTEST_PAUSE
        while not self._stopping.done():
            began = self._loop.time()
            session = Session(self._options, self._model, self._writer)
            try:
                if await self._completes(session.consume()):
                    _log.info("Consuming from %s", self._options.requests)
                    if not ready:
                        ready = True
                        starting.cancel()
                        on_ready()
                    await self._completes(session.lost())
                await session.finish()
            except SessionEnded as ended:
                self._trouble = str(ended)
                if ended.refused and not ready:
                    self._give_up()
                # One that broke as soon as it was open is one more failure: the broker is not well yet.
                if self._loop.time() - began > _LONGEST_PAUSE:
                    pause = _SHORTEST_PAUSE
                _log.log(logging.WARNING if ready else logging.INFO, "Not connected: %s", ended)
                await asyncio.wait([self._stopping], timeout=pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        starting.cancel()
        if self._failure:
            raise self._failure

    def _give_up(self) -> None:
        if self._stopping.done():
            return
        broker = self._options.broker
        self._failure = CannotStart(f"cannot consume from {broker.host}:{broker.port}: {self._trouble}")
        self.stop()

    async def _completes(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether the work is done before the worker is to stop."""
        task = asyncio.ensure_future(work)
        await asyncio.wait([task, self._stopping], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        task.cancel()
        return False
