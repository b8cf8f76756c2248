"""A load generator for its own process: keep-alive connections that send one prepared request again and again."""

from __future__ import annotations

import asyncio
import sys


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, count: int) -> None:
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode() + (await reader.read(2000)).decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))


async def load(port: int, request: bytes, count: int, connections: int) -> None:
    """Sends ``request`` ``count`` times over ``connections`` connections; ends the process at any answer but 200."""
    open_ones = [await asyncio.open_connection("127.0.0.1", port, limit=2**24) for _ in range(connections)]
    await asyncio.gather(*(_ask(r, w, request, count // connections) for r, w in open_ones))
    for _, writer in open_ones:
        writer.close()


if __name__ == "__main__":
    asyncio.run(load(int(sys.argv[1]), sys.stdin.buffer.read(), int(sys.argv[2]), int(sys.argv[3])))
