"""`python -m bench.sink PORT`: an S3 endpoint that takes all and keeps nothing: the sender alone is measured."""

import asyncio
import hashlib
import sys

_CHUNK_BYTES = 256 * 1024
_BEGUN = b"<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>"
_ENDED = b"<CompleteMultipartUploadResult><ETag>bench-1</ETag></CompleteMultipartUploadResult>"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read requests, and answer each with the ETag that a store would give."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
            left = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
            if b"\r\nexpect: 100-continue" in head.lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            md5 = hashlib.md5(usedforsecurity=False)
            while left:
                data = await reader.read(min(left, _CHUNK_BYTES))
                if not data:
                    return
                md5.update(data)
                left -= len(data)
            body = b"" if not head.startswith(b"POST") else _BEGUN if b"?uploads" in head else _ENDED
            etag = md5.hexdigest().encode()
            writer.write(
                b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: "%b"\r\nx-amz-version-id: %b\r\n\r\n%b'
                % (len(body), etag, etag, body)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, limit=1024 * 1024, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
