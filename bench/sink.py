"""`python -m bench.sink PORT`: an S3 endpoint that takes all and keeps nothing: the sender alone is measured.

It says so, too: whoever asks for an object learns that there is none. Hosts that look for a free name, or for the same
bytes under another one, would otherwise look for ever, or send nothing.
"""

import asyncio
import hashlib
import sys

_CHUNK_BYTES = 256 * 1024
_BEGUN = b"<InitiateMultipartUploadResult><UploadId>bench</UploadId></InitiateMultipartUploadResult>"
_ENDED = b"<CompleteMultipartUploadResult><ETag>bench-1</ETag></CompleteMultipartUploadResult>"
_PLACE = b"<LocationConstraint>us-west-004</LocationConstraint>"
_LISTED = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
_ABSENT = b"<Error><Code>NoSuchKey</Code><Message>nothing is kept here</Message></Error>"


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
            method, target, _ = head.split(b" ", 2)
            status, body = _told(method.upper(), target)
            etag = md5.hexdigest().encode()
            writer.write(
                b'HTTP/1.1 %b\r\nContent-Length: %d\r\nETag: "%b"\r\nx-amz-version-id: %b\r\n\r\n%b'
                % (status, len(body), etag, etag, body)
            )
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _told(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Return the status and the body of an answer; the bucket is there, and nothing in it."""
    path, _, query = target.partition(b"?")
    is_object = b"/" in path.strip(b"/")
    if method == b"POST":
        return b"200 OK", _BEGUN if query.startswith(b"uploads") else _ENDED
    if method == b"GET" and not is_object:
        return b"200 OK", _PLACE if query.startswith(b"location") else _LISTED
    if method in (b"GET", b"HEAD") and is_object:
        return b"404 Not Found", _ABSENT if method == b"GET" else b""
    return b"200 OK", b""


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, limit=1024 * 1024, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
