"""The page that tells accounts what the API can do, made from its own description."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.access import viewer
from webapp.api.described import groups
from webapp.api.urls import api, rate


@viewer
def page(request: HttpRequest) -> HttpResponse:
    found = groups(api.get_openapi_schema(), request.build_absolute_uri("/").rstrip("/"))
    return render(request, "pages/api.html", {"groups": found, "rate": rate})
