"""The message properties of a reply: what of the request travels back with it."""

from __future__ import annotations

import enum
import uuid

from pika import BasicProperties


class Echo(enum.Enum):
    """How much of a request's properties its reply repeats."""

    NONE = "none"
    CORRELATION = "correlation"
    HEADERS = "headers"


def reply_properties(request: BasicProperties, echo: Echo) -> BasicProperties:
    """Properties for the reply to a request with the given ones."""
    return BasicProperties(
        content_type="application/json",
        delivery_mode=request.delivery_mode,
        message_id=str(uuid.uuid4()),
        correlation_id=None if echo is Echo.NONE else request.correlation_id or request.message_id,
        headers=request.headers if echo is Echo.HEADERS else None,
    )
