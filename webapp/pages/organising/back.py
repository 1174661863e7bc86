"""The page to which a form leads back."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def back_to(request: HttpRequest) -> str:
    """Return the address in the field "back" if it is a path of this host, otherwise that of the list of experiments."""
    address = request.POST.get("back", "")
    here = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if here else reverse("experiments")
