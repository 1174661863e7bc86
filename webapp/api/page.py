"""The page that describes the API to accounts, generated from its OpenAPI document."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from webapp.access import viewer
from webapp.api.described import groups
from webapp.api.urls import api, rate


@viewer
def page(request: HttpRequest) -> HttpResponse:
    operations = groups(api.get_openapi_schema(), request.build_absolute_uri("/").rstrip("/"))
    return render(request, "pages/api.html", {"groups": operations, "rate": rate})
