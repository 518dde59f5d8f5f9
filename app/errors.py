"""Every error Bowerbird raises, and what each one means; which HTTP status it becomes is decided in web/errors.py.

BowerbirdError
├── SettingsError            the environment is wrong; carries every problem at once
├── Refused                  the request cannot be taken as it is; nothing was kept
│   ├── BadRequest           an option, a name or a framing that makes no sense
│   │   ├── BadMultipart     the multipart body breaks RFC 7578
│   │   ├── BadChunk         the chunked transfer coding breaks RFC 9112
│   │   ├── IncompleteBody   fewer bytes came than Content-Length promised
│   │   ├── MissingFile      no part named `file`, or an empty body
│   │   └── EmptyFile        a file of no bytes
│   ├── LengthRequired       a raw body without Content-Length
│   ├── TooSlow              the body came slower than a living client sends
│   ├── TooLarge             more bytes, files or parts than are taken
│   ├── UnsupportedType      not one of the images that are taken; names what was found
│   ├── NotOffered           a form of answer that is not spoken here
│   ├── BadImage             one of them, but broken
│   │   ├── TooManyPixels
│   │   ├── TooManyFrames
│   │   └── TooComplex       more JPEG scans, or more work to decode, than an honest image needs
│   ├── QuotaExceeded        the token's uploads would have more bytes than they may, all together
│   ├── Conflict             the Idempotency-Key belongs to another upload, or the first one is still running
│   │   └── WrongOffset      a resumable upload is not where the client believes; says where
│   ├── Locked               another request has the resumable upload
│   ├── ChecksumMismatch     the body is not what its checksum says
│   ├── WrongVersion         a version of the tus protocol that is not spoken here
│   └── BadBackup            no backup, one that was changed, or not one for this catalog or this passphrase
├── NotAllowed
│   ├── Unauthorized         no token, or one that is unknown, expired or revoked
│   ├── Forbidden            a good token without the scope, or a request from another site
│   └── RateLimited          too many requests; says when to come again
├── NotFound
│   └── Gone                 it was there: expired, refused, or deleted since
├── NameTaken                a token or an album of that name exists
├── KeyTaken                 an upload of that key exists; draw another
├── SetupError               the set-up of the two clouds cannot go on; says why and what to do
└── Unavailable              something behind us does not answer; the same request may work later
    ├── Busy                 the catalog is locked, or the decoders are all taken
    ├── StoreUnavailable     the store refused for now
    ├── StoreMisconfigured   the store will go on refusing until the owner changes something
    ├── StoreFull            no room, or a spending cap is reached
    ├── EdgeUnavailable      Cloudflare does not take a purge for now; says when to come again
    └── EdgeMisconfigured    Cloudflare will go on refusing to purge until the owner changes something
"""


class BowerbirdError(Exception):
    """The root. `str(error)` is one plain sentence that may be shown to the client."""

    code = "internal_error"  # at most 20 characters: Chatterino shows no more


class SettingsError(BowerbirdError):
    """The settings cannot be used; `problems` has one line for each of them."""

    code = "bad_settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Refused(BowerbirdError):
    code = "refused"


class BadRequest(Refused):
    code = "bad_request"


class BadMultipart(BadRequest):
    code = "bad_multipart"


class BadChunk(BadRequest):
    code = "bad_chunk"


class IncompleteBody(BadRequest):
    code = "incomplete_body"


class MissingFile(BadRequest):
    code = "missing_file"


class EmptyFile(BadRequest):
    code = "empty_file"


class LengthRequired(Refused):
    code = "length_required"


class TooSlow(Refused):
    code = "too_slow"


class TooLarge(Refused):
    code = "too_large"


class UnsupportedType(Refused):
    """`found` is the content type that the bytes have."""

    code = "unsupported_type"

    def __init__(self, message: str, found: str = "application/octet-stream") -> None:
        super().__init__(message)
        self.found = found


class BadImage(Refused):
    code = "bad_image"


class TooManyPixels(BadImage):
    code = "too_many_pixels"


class TooManyFrames(BadImage):
    code = "too_many_frames"


class TooComplex(BadImage):
    code = "too_complex"


class QuotaExceeded(Refused):
    code = "quota_exceeded"


class Conflict(Refused):
    code = "conflict"


class WrongOffset(Conflict):
    """`offset` is where the upload is, in bytes."""

    code = "wrong_offset"

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Locked(Refused):
    code = "locked"
    retry_after_s = 1


class ChecksumMismatch(Refused):
    code = "checksum_mismatch"


class WrongVersion(Refused):
    code = "wrong_tus_version"


class BadBackup(Refused):
    code = "bad_backup"


class NotOffered(Refused):
    code = "not_offered"


class NotAllowed(BowerbirdError):
    code = "not_allowed"


class Unauthorized(NotAllowed):
    code = "unauthorized"


class Forbidden(NotAllowed):
    code = "forbidden"


class RateLimited(NotAllowed):
    """`retry_after_s` is when the next request will be taken."""

    code = "rate_limited"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotFound(BowerbirdError):
    code = "not_found"


class Gone(NotFound):
    code = "gone"


class NameTaken(BowerbirdError):
    code = "name_taken"


class KeyTaken(BowerbirdError):
    code = "key_taken"


class SetupError(BowerbirdError):
    code = "setup_failed"


class Unavailable(BowerbirdError):
    code = "unavailable"
    retry_after_s = 5


class Busy(Unavailable):
    code = "busy"


class EdgeUnavailable(Unavailable):
    """`retry_after_s` is when Cloudflare will take the next purge."""

    code = "edge_unavailable"

    def __init__(self, message: str, retry_after_s: int = Unavailable.retry_after_s) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EdgeMisconfigured(Unavailable):
    code = "edge_misconfigured"


class StoreUnavailable(Unavailable):
    code = "store_unavailable"


class StoreMisconfigured(Unavailable):
    code = "store_misconfigured"


class StoreFull(Unavailable):
    code = "store_full"
    retry_after_s = 3600
