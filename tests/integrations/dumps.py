"""All that a Redis server holds, to look for secrets in it."""

from __future__ import annotations

from typing import Any

import redis


def redis_dump(url: str) -> str:
    """Every value, whatever its kind: tasks, cache, what is not acknowledged yet."""
    lines: list[str] = []
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            kind = client.type(key)
            read: dict[bytes, Any] = {
                b"string": lambda key: client.get(key),
                b"list": lambda key: client.lrange(key, 0, -1),
                b"hash": lambda key: client.hgetall(key),
                b"set": lambda key: client.smembers(key),
                b"zset": lambda key: client.zrange(key, 0, -1),
            }
            lines.append(f"{key!r}: {read[kind](key)!r}")
    return "\n".join(lines)
