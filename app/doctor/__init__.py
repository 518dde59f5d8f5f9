"""The doctor: looks at the whole chain with a real image and says what is wrong, and what to do."""

from .findings import Finding
from .visit import Patience, examine

__all__ = ["Finding", "Patience", "examine"]
