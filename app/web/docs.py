"""The API's document (/api/openapi.json), and the page that shows it (/docs): both for anyone: no secret is told."""

from flask import Blueprint, Response, jsonify, render_template

from . import parts
from .openapi import document
from .owner import shared_by_pages

docs = Blueprint("docs", __name__)
docs.context_processor(shared_by_pages)


@docs.get("/api/openapi.json")
def describe() -> Response:
    """The document of this server, as OpenAPI 3.1."""
    return jsonify(document(parts().settings))


@docs.get("/docs")
def show() -> str:
    """The same for people."""
    return render_template("docs.html", document=document(parts().settings))
