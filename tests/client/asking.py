"""What a server has, asked as the owner."""

import json
import urllib.request

from tests.conftest import OWNER


def uploads(server):
    """Return what the server lists of its newest hundred uploads, by their addresses."""
    request = urllib.request.Request(
        f"{server.url}/api/uploads?limit=100", headers={"Authorization": f"Bearer {OWNER}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return {one["url"]: one for one in json.load(answer)["uploads"]}


def content(url):
    """Return the bytes at a public address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()
