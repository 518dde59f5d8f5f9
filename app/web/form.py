"""What an upload's body turns into: files, and text fields."""

from dataclasses import dataclass, field

from ..receiving import Received


@dataclass
class Form:
    """What was sent: the files in their order, and the text fields."""

    files: list[Received] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Give the spooled bytes back to the disk."""
        for received in self.files:
            received.file.close()
