from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.defaults import page_not_found

from webapp.api.page import page
from webapp.api.urls import api, missing
from webapp.failures import handler500 as handler500

urlpatterns = [
    path("", include("webapp.pages.urls")),
    path("", include("webapp.share_pages.urls")),
    path("api/", page, name="api"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address: as the API for programs, with a page for people."""
    return missing(request, Http404()) if request.path.startswith("/api/v1/") else page_not_found(request, exception)
