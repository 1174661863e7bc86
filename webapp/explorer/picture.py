"""The thumbnail of an example as an answer, with headers under which a browser treats it as a picture and nothing else."""

import base64

from django.http import HttpResponse

from webapp.example_queries.pictures import picture, type_of
from webapp.explorer.finished_models import FinishedModels

POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def picture_of(finished: FinishedModels, example: int) -> HttpResponse:
    """Return the thumbnail of an example of the experiment's data set. Raises LookupError where there is none, Missing."""
    try:
        content = picture(finished.source.examples_of(finished.first.student.spec)[0], example)
    except FileNotFoundError:
        raise LookupError(example) from None
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}
    return HttpResponse(content, content_type=type_of(content), headers=headers)


def embedded(content: bytes) -> str:
    """Return a thumbnail as an address that contains it, for documents without a server."""
    return f"data:{type_of(content)};base64,{base64.b64encode(content).decode()}"
