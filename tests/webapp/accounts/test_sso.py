"""Single sign-on with a real provider: accepted and refused logins, and their accounts."""

import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage
from typing import IO, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import User
from django.test import Client

from tests.webapp.accounts import provider as providers
from tests.webapp.accounts.provider import Provider
from webapp.access import Access, access_of
from webapp.accounts.sso import discovered
from webapp.audit.models import Entry


class Stay(urllib.request.HTTPRedirectHandler):
    """A handler that raises Sent instead of following a redirect."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        raise Sent(newurl)


class Sent(Exception):
    """The address of a redirect."""


@pytest.fixture
def there(db: None, settings: Any) -> Iterator[Provider]:
    with providers.provider() as started:
        settings.SSO, settings.OIDC_ISSUER = True, started.issuer
        settings.OUTGOING_NETWORKS = ["127.0.0.1"]
        settings.OIDC_RP_CLIENT_ID, settings.OIDC_RP_CLIENT_SECRET = providers.CLIENT, providers.SECRET
        settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "webapp.accounts.sso.Provider"]
        yield started
        discovered.cache_clear()


def returned(client: Client, start: str = "/sso/") -> str:
    """Log in at the provider, which agrees, and return the answer of this site to its redirect."""
    away = client.get(start)["Location"]
    with pytest.raises(Sent) as sent:
        urllib.request.build_opener(Stay).open(away, timeout=10)
    return str(sent.value).removeprefix("http://testserver")


def came(client: Client, start: str = "/sso/") -> Any:
    return client.get(returned(client, start))


def refused(client: Client) -> bool:
    answer = came(client)
    page = client.get(answer["Location"]).content.decode()
    return (
        answer["Location"] == "/login/" and "Single sign-on refused the login." in page and "_auth_user_id" not in client.session
    )


def test_who_is_new_gets_an_account_with_the_role_that_is_set_and_goes_where_he_wanted(there: Provider, settings: Any) -> None:
    client = Client()
    assert '"/sso/?next=/datasets/"' in client.get("/login/?next=/datasets/").content.decode()
    assert came(client, "/sso/?next=/datasets/")["Location"] == "/datasets/"
    user = User.objects.get()
    assert (user.username, user.email, user.has_usable_password()) == ("ada", "ada@example.org", False)
    assert access_of(user) == Access.VIEWER
    assert client.get("/account/").status_code == 200
    assert [entry.verb for entry in Entry.objects.order_by("pk")] == ["joined", "logged-in"]
    settings.OIDC_DEFAULT_ROLE = "member"
    there.claims |= {"sub": "2", "email": "other@example.org"}
    came(Client())
    assert access_of(User.objects.get(username="ada2")) == Access.MEMBER


def test_an_account_is_found_by_its_email_and_keeps_its_role(there: Provider, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="Ada@Example.org")
    client = Client()
    assert came(client)["Location"] == "/"
    assert client.session["_auth_user_id"] == str(owner.pk)
    assert access_of(owner) == Access.MEMBER
    assert User.objects.count() == 1


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}, {"sub": "another"}])
def test_without_a_verified_email_of_the_same_person_nobody_gets_in(there: Provider, claims: dict[str, Any]) -> None:
    there.forged = {"sub": "1"}
    there.claims |= claims
    assert refused(Client())
    assert not User.objects.exists()


@pytest.mark.parametrize("forged", [{"aud": "somebody else"}, {"iss": "http://elsewhere"}, {"nonce": "old"}, {"exp": 1}])
def test_a_token_that_was_not_made_here_and_now_for_this_laboratory_is_refused(there: Provider, forged: dict[str, Any]) -> None:
    there.forged = forged
    assert refused(Client())


def test_a_token_signed_by_another_key_is_refused(there: Provider) -> None:
    there.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refused(Client())
    assert not User.objects.exists()


def test_a_closed_account_does_not_get_in(there: Provider, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(email="ada@example.org", is_active=False)
    assert refused(Client())


def test_an_answer_works_once_and_only_in_the_browser_that_asked(there: Provider) -> None:
    client, other = Client(), Client()
    back = returned(client)
    assert other.get(back)["Location"] == "/login/"
    assert "_auth_user_id" not in other.session
    assert client.get(back)["Location"] == "/"
    client.post("/logout/")
    assert client.get(back)["Location"] == "/login/"


def test_a_provider_that_is_away_or_says_no_leads_back_to_the_login(there: Provider, settings: Any) -> None:
    client = Client()
    assert client.get("/sso/return/?error=access_denied")["Location"] == "/login/"
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert "cannot be reached now" in client.get("/sso/", follow=True).content.decode()


def test_while_the_provider_is_away_passwords_work_and_who_is_in_stays_in(there: Provider, owner: User, settings: Any) -> None:
    client = Client()
    came(client)
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert client.get("/account/").status_code == 200
    assert Client().post("/login/", {"username": "ada", "password": "wrong"}).status_code == 200
    assert Client().post("/login/?code=x&state=y", {"username": "ada", "password": "difference engine"}).status_code == 302


def test_an_error_that_somebody_else_wrote_logs_nobody_out(there: Provider, owner: User) -> None:
    client = Client()
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    client.get("/sso/return/?error=x&state=y")
    assert client.get("/account/").status_code == 200


def test_the_email_is_then_changed_by_admins_only(there: Provider, owner: User) -> None:
    client = Client()
    client.force_login(owner, "django.contrib.auth.backends.ModelBackend")
    client.post("/account/", {"first_name": "Ada", "last_name": "", "email": "root@example.org"})
    owner.refresh_from_db()
    assert (owner.first_name, owner.email) == ("Ada", "")


def test_without_a_provider_there_is_no_such_login(client: Client, db: None) -> None:
    assert "/sso/" not in client.get("/login/").content.decode()
    assert client.get("/sso/").status_code == 404
    assert client.get("/sso/return/?code=x&state=y").status_code == 404
    assert client.get("/sso/return/?error=x").status_code == 404


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_a_provider_leads_the_laboratory_to_no_address_inside(
    there: Provider, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = there.discovery()
    monkeypatch.setattr(there, "discovery", lambda: document | {name: document[name].replace("127.0.0.1", "127.0.0.2")})
    client = Client()
    assert came(client)["Location"] == "/login/"
    assert "_auth_user_id" not in client.session
    assert not User.objects.exists()


def test_a_provider_inside_is_asked_nothing_unless_it_is_allowed(there: Provider, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = []
    assert "cannot be reached now" in Client().get("/sso/", follow=True).content.decode()
