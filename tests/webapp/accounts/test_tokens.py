"""Permissions and lifetime of tokens, and the little that is stored of them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from tests.factories.experiments import spec
from webapp.access import VIEWERS
from webapp.accounts import tokens
from webapp.accounts.models import Scope, Token
from webapp.audit.models import Entry

pytestmark = pytest.mark.django_db
WRONG = "Send a valid token: Authorization: Bearer TOKEN."


def bearer(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["message"]


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_a_token_that_reads_may_not_write(owner: User) -> None:
    client = bearer(tokens.make(owner, "notebook", Scope.READ)[1])
    assert client.get("/api/v1/experiments").status_code == 200
    status, message = refusal(post(client, "/experiments", spec().model_dump(mode="json")))
    assert (status, message.startswith("This token can only read.")) == (403, True)


def test_a_token_may_no_more_than_its_account_even_when_that_became_less(owner: User) -> None:
    client = bearer(tokens.make(owner, "notebook")[1])
    owner.groups.add(Group.objects.get_or_create(name=VIEWERS)[0])
    status, message = refusal(post(client, "/experiments", spec().model_dump(mode="json")))
    assert (status, "change nothing" in message) == (403, True)


def test_expired_revoked_and_wrong_tokens_are_refused_in_the_same_words(owner: User) -> None:
    expired, revoked = (tokens.make(owner, name) for name in ("expired", "revoked"))
    assert bearer(expired[1]).get("/api/v1/schema").status_code == 200
    Token.objects.filter(pk=expired[0].pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    tokens.revoke(revoked[0])
    closed = tokens.make(User.objects.create_user("grace", is_active=False), "closed")
    answers = [refusal(bearer(secret).get("/api/v1/schema")) for secret in (expired[1], revoked[1], closed[1], "wrong")]
    assert answers == [(401, WRONG)] * 4


def test_a_token_lives_ninety_days_unless_another_time_or_none_is_asked_for(owner: User) -> None:
    usual, none = tokens.make(owner, "usual")[0], tokens.make(owner, "none", days=None)[0]
    assert usual.expires_at
    assert abs(usual.expires_at - usual.created_at - timedelta(days=90)) < timedelta(seconds=10)
    assert none.expires_at is None


def test_only_the_digest_and_six_characters_of_a_token_are_kept(owner: User) -> None:
    token, secret = tokens.make(owner, "notebook")
    stored = json.dumps([*Token.objects.values(), *Entry.objects.values()], default=str)
    assert token.start == secret[:6]
    assert secret[:7] not in stored


def test_its_use_is_noted_at_most_once_a_minute(owner: User) -> None:
    token, secret = tokens.make(owner, "notebook")
    used = []
    for earlier in (0, 0, 61):
        if earlier:
            Token.objects.update(last_used_at=timezone.now() - timedelta(seconds=earlier))
        bearer(secret).get("/api/v1/schema")
        token.refresh_from_db()
        used.append(token.last_used_at)
    assert used[0] == used[1] != used[2]


def test_the_api_makes_lists_and_revokes_ones_own_tokens_only(owner: User) -> None:
    client, other = bearer(tokens.make(owner, "first")[1]), tokens.make(User.objects.create_user("grace"), "hers")[0]
    made = post(client, "/tokens", {"name": "script", "scope": "write", "days": 7})
    assert made.status_code == 201
    assert [token["name"] for token in client.get("/api/v1/tokens").json()] == ["script", "first"]
    assert "secret" not in client.get("/api/v1/tokens").json()[0]
    script = bearer(made.json()["secret"])
    assert script.get("/api/v1/schema").status_code == 200
    assert client.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204
    assert script.get("/api/v1/schema").status_code == 401
    assert client.delete(f"/api/v1/tokens/{other.pk}").status_code == 404
    other.refresh_from_db()
    assert other.valid


def test_tokens_of_before_go_on_working(owner: User, transactional_db: None) -> None:
    try:
        old = MigrationExecutor(connection)
        old.migrate([("api", "0002_launch")])
        model = old.loader.project_state([("api", "0002_launch")]).apps.get_model("api", "ApiToken")
        model.objects.create(user_id=owner.pk, digest=tokens.digest("old secret"))
    finally:
        call_command("migrate", verbosity=0)
    assert bearer("old secret").get("/api/v1/schema").status_code == 200


def test_a_token_makes_none_that_lives_longer_or_may_more_and_takes_those_that_it_made_with_it(owner: User) -> None:
    asking, secret = tokens.make(owner, "notebook", Scope.WRITE, 7)
    client = bearer(secret)
    for days in (None, 3650, 90, 7, 1):
        answer = post(client, "/tokens", {"name": "child", "scope": "write", "days": days})
        assert answer.status_code == 201
        made = Token.objects.get(pk=answer.json()["id"])
        assert made.expires_at is not None
        assert made.expires_at <= asking.expires_at  # type: ignore[operator]
    grandchild = post(bearer(answer.json()["secret"]), "/tokens", {"name": "grandchild", "days": None}).json()
    assert Token.objects.get(pk=grandchild["id"]).expires_at == made.expires_at
    assert tokens.make(owner, "reader", by=tokens.make(owner, "reads", Scope.READ)[0])[0].scope == Scope.READ
    assert tokens.make(owner, "for ever", days=None, by=tokens.make(owner, "for ever", days=None)[0])[0].expires_at is None
    tokens.revoke(asking)
    assert bearer(grandchild["secret"]).get("/api/v1/schema").status_code == 401
