"""Deletion links: whoever has one may delete that upload, and nothing else."""

from ...errors import NotFound
from ...settings import Settings
from .pieces import KEY, Json, key_parameter, nothing, operation, page, parameter, ref

TAG = "Deletion links"


def paths(settings: Settings) -> Json:
    """Return the deletion links of web/pages.py."""
    secret = {"type": "string", "minLength": 1}
    token = parameter("path", "token", "The secret of the link", secret, example="pB3mXv9dQeT7wLk2RfHs5A")
    given, gone = [key_parameter(), token], page("No such link")
    gone["content"]["application/json"] = {"schema": ref("Error")}  # for a path that cannot be one
    url = f"{settings.base_url}/d/{KEY}/$DELETION_TOKEN"
    shown = operation(
        TAG,
        "showDeletion",
        "Look at what would be deleted",
        about="Previews of links fetch every GET, so this deletes nothing.",
        parameters=given,
        answers={"200": page("The image and a button"), "404": gone, "410": page("Deleted already")},
        curl=f"curl {url}",
    )
    pressed = operation(
        TAG,
        "confirmDeletion",
        "Press the button of that page",
        parameters=given,
        answers={"200": page("Deleted"), "404": gone},
        curl=f"curl -X POST {url}",
    )
    deleted = operation(
        TAG,
        "deleteByLink",
        "Delete at once",
        about="Also when it is gone already.",
        parameters=given,
        answers={"204": nothing("Gone")},
        refused=[NotFound],
        curl=f"curl -X DELETE {url}",
    )
    return {"/d/{key}/{token}": {"get": shown, "post": pressed, "delete": deleted}}
