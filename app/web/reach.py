"""How far a deletion reaches, in words: caches outlive an object unless they are purged."""

from ..catalog.records import State, Upload
from ..store.folder import FolderStore
from . import parts

_UNTOLD = (
    "Nobody tells Cloudflare's cache, which may go on showing the image for up to a year: purge its address there, or"
    " let Bowerbird do it (BOWERBIRD_CLOUDFLARE_API_TOKEN)."
)


def before(upload: Upload | None = None) -> str:
    """Return what a deletion will do, that of `upload` where it is a certain one."""
    if upload and (count := parts().catalog.copies.count(upload.key)) > 1:
        return f"The same bytes were uploaded {count} times under this address: the image stays for the others."
    if isinstance(parts().store, FolderStore):
        return "The address stops working at once."
    if parts().uploads.deletions.reach_the_edge:
        return "The address stops working, at Cloudflare's cache too."
    return f"The image goes from the bucket. {_UNTOLD}"


def after(upload: Upload | None) -> str:
    """Return what the deletion of `upload` has done so far."""
    if upload and parts().uploads.find(upload.key):
        return "This upload is taken back. The image stays, for the same bytes were uploaded more than once."
    if isinstance(parts().store, FolderStore):
        return "The image is gone."
    if not parts().uploads.deletions.reach_the_edge:
        return f"The image is gone from the bucket. {_UNTOLD}"
    if upload and upload.state is State.DELETING and upload.purged_at is None:
        return "The image is gone from here. It will be gone from Cloudflare's cache as soon as that can be reached."
    return "The image is gone, from Cloudflare's cache too."
