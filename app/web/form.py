"""What an upload's body turns into: files, addresses of files, and text fields."""

from dataclasses import dataclass, field

from ..errors import TooLarge
from ..receiving import Received

MAX_FILES = 20


@dataclass
class Form:
    """What was sent: the files in their order, the addresses to fetch more from, and the text fields."""

    files: list[Received] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def check_room(self) -> None:
        """Raise TooLarge if no file more is taken."""
        if len(self.files) + len(self.urls) == MAX_FILES:
            raise TooLarge(f"there are more than {MAX_FILES} files in one request")

    def add_field(self, name: str, value: str) -> None:
        """Take a field; an empty `url` is what a browser sends of a line that was not filled in."""
        if name != "url":
            self.fields[name] = value
        elif value.strip():
            self.check_room()
            self.urls.append(value.strip())

    def close(self) -> None:
        """Give the spooled bytes back to the disk."""
        for received in self.files:
            received.file.close()
