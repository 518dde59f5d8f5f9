"""One HTTP answer as it comes: just enough of HTTP/1.1 to know its status and its end."""

_TOLD_BYTES = 300  # of a refusal


class Answer:
    """One answer as it comes: its status, whether it is whole, and whether the connection may be used again."""

    def __init__(self) -> None:
        self.status, self.told = 0, b""
        self.is_whole = self.is_kept = False
        self._head = b""
        self._left: int | None = None  # None: until the end of the connection, or of the chunks
        self._is_chunked = False
        self._chunks = b""  # what is not read yet; an upload's answer is small

    @property
    def is_begun(self) -> bool:
        return bool(self._head)

    def take(self, data: bytes) -> None:
        """Take what came."""
        if not self.status:
            self._head += data
            head, blank, data = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            self._read_head(head)
        self.told = (self.told + data[:_TOLD_BYTES])[:_TOLD_BYTES]
        if self._left is not None:
            self._left -= len(data)
            self.is_whole = self._left <= 0
        elif self._is_chunked:
            self._take_chunks(data)

    def end(self) -> None:
        """The connection is at its end."""
        self.is_kept = False
        self.is_whole = bool(self.status) and self._left is None and not self._is_chunked

    def _take_chunks(self, data: bytes) -> None:
        self._chunks += data
        while not self.is_whole:
            line, end, rest = self._chunks.partition(b"\r\n")
            size = int(line.partition(b";")[0], 16) if end else 0
            if not end or len(rest) < size + 2:
                return
            if size == 0:
                self.is_whole = rest.startswith(b"\r\n") or b"\r\n\r\n" in rest
                return
            self._chunks = rest[size + 2 :]

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        self.status = int(first.split()[1])
        fields = {name.strip().lower(): value.strip() for name, _, value in (ln.partition(b":") for ln in lines)}
        self.is_kept = fields.get(b"connection", b"").lower() != b"close" and first.startswith(b"HTTP/1.1")
        self._is_chunked = b"chunked" in fields.get(b"transfer-encoding", b"").lower()
        if self.status // 100 == 3 and b"location" in fields:
            self.told = b"to " + fields[b"location"] + b" "  # to an image, or to where one signs in
        if self.status in (204, 304):
            self._left = 0
        elif not self._is_chunked and b"content-length" in fields:
            self._left = int(fields[b"content-length"])
