from django.contrib import admin
from django.urls import include, path

from webapp.api.page import page
from webapp.api.urls import api

urlpatterns = [
    path("", include("webapp.pages.urls")),
    path("", include("webapp.sharing.urls")),
    path("api/", page, name="api"),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
