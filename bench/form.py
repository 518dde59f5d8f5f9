"""An image as the body of an upload: the part of a form, or the image alone."""

import secrets


def framed(field: str) -> tuple[str, bytes, bytes]:
    """Return the content type of a body, and what stands before and after the image in it.

    `field` names the part; without one the image is the whole body. Each has a boundary and a file name of its own: a
    parser could otherwise keep what it made of the last one.
    """
    if not field:
        return "image/png", b"", b""
    name = secrets.token_hex(8)
    boundary = "-" * 20 + name
    before = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="s{name}.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", before.encode(), f"\r\n--{boundary}--\r\n".encode()
