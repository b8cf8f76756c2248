"""A load generator for its own process: keep-alive connections that send prepared requests in turn."""

from __future__ import annotations

import asyncio
import sys

SEPARATOR = b"\0"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: list[bytes], count: int) -> None:
    for n in range(count):
        writer.write(requests[n % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode() + (await reader.read(2000)).decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))


async def load(port: int, requests: list[bytes], count: int, connections: int) -> None:
    """Sends ``count`` requests over ``connections`` connections; ends the process at any answer but 200."""
    open_ones = [await asyncio.open_connection("127.0.0.1", port, limit=2**24) for _ in range(connections)]
    share = count // connections
    await asyncio.gather(
        *(_ask(*open_one, requests[i::connections] or requests, share) for i, open_one in enumerate(open_ones))
    )
    for _, writer in open_ones:
        writer.close()


if __name__ == "__main__":
    asyncio.run(load(int(sys.argv[1]), sys.stdin.buffer.read().split(SEPARATOR), int(sys.argv[2]), int(sys.argv[3])))
