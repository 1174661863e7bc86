"""The documentation site of ``make docs`` for accounts: files of one folder, with a policy of their own."""

import re
from base64 import b64encode
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject

from webapp.access import viewer
from webapp.middleware import POLICY

INLINE = re.compile(rb"<script(?![^>]*\ssrc\s*=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


@viewer
def documentation(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """Return one file of the site; a folder's page is its index.html."""
    file = _inside(settings.DOCS_DIR, path)
    if file.is_dir():
        if path and not path.endswith("/"):
            return redirect(f"{request.path}/")
        file /= "index.html"
    try:
        content = file.read_bytes()
    except (OSError, ValueError):
        raise Http404("The documentation has no such page.") from None
    kind = guess_type(file.name)[0] or "application/octet-stream"
    response = HttpResponse(content, content_type=kind)
    if kind == "text/html":
        response["Content-Security-Policy"] = policy(content)
    return response


def policy(page: bytes) -> str:
    """Return the laboratory's policy, with the page's own inline scripts allowed by their hashes.

    The site's search uses a worker.
    """
    hashes = sorted({f"'sha256-{b64encode(sha256(script).digest()).decode()}'" for script in INLINE.findall(page)})
    return POLICY.replace("script-src 'self'", " ".join(["script-src 'self'", *hashes])) + "; worker-src 'self'"


def documentation_context(request: HttpRequest) -> dict[str, object]:
    """Return for every template whether the documentation was built."""
    return {"documented": SimpleLazyObject(lambda: (settings.DOCS_DIR / "index.html").is_file())}


def _inside(folder: Path, path: str) -> Path:
    """Return the file at ``path`` below ``folder``. Raise Http404 for a path outside of it."""
    try:
        file = (folder / path).resolve()
    except (OSError, ValueError):
        raise Http404("The documentation has no such page.") from None
    if not file.is_relative_to(folder.resolve()):
        raise Http404("The documentation has no such page.")
    return file
