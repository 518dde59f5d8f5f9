"""tuspy: python tus_client.py FILE ENDPOINT TOKEN CHUNK_BYTES; prints the address of the upload."""

import sys

from tusclient.client import TusClient


def main(path: str, endpoint: str, token: str, chunk_bytes: str) -> None:
    """Upload the file, however often the line is cut."""
    client = TusClient(endpoint, headers={"Authorization": f"Bearer {token}"})
    uploader = client.uploader(
        path,
        chunk_size=int(chunk_bytes),
        retries=60,
        retry_delay=0.2,
        metadata={"filename": "noise.png"},
        upload_checksum=True,
    )
    uploader.upload()
    print(uploader.url)


if __name__ == "__main__":
    main(*sys.argv[1:])
