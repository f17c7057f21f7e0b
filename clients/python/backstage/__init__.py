"""backstage: the Python client of backstaged. Client blocks, AsyncClient is for asyncio."""
from .aio import AsyncClient
from .client import Client
from .values import (BackstageError, Curve, Down, Gap, Lost, Message, Published, Reply, Retry,
                     SessionEvent, Timeout, quote)
from .verbs import LATER

__all__ = ["AsyncClient", "BackstageError", "Client", "Curve", "Down", "Gap", "LATER", "Lost",
           "Message", "Published", "Reply", "Retry", "SessionEvent", "Timeout", "quote"]
