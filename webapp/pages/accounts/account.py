"""The page of your own account: name, e-mail, password, and tokens for the API."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from webapp.access import Access, access_of, viewer
from webapp.accounts import people, tokens
from webapp.accounts.models import Scope, Token

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "no expiry"}


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name and e-mail of an account. With single sign-on the e-mail identifies the account, and only administrators change it."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")

    def __init__(self, user: User, sent: object = None) -> None:
        super().__init__(sent, instance=user)  # type: ignore[arg-type]
        if settings.SSO:
            del self.fields["email"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and people.with_email(email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Another account has this e-mail.")
        return email


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, label="Purpose")
    scope = forms.ChoiceField(label="Permission")
    days = forms.ChoiceField(choices=list(LIFETIMES.items()), required=False, initial=str(tokens.DAYS), label="Lifetime")

    def __init__(self, user: User, sent: object = None) -> None:
        super().__init__(sent)  # type: ignore[arg-type]
        scopes = [Scope.READ, *([Scope.WRITE] if access_of(user) > Access.VIEWER else [])]
        scopes += [Scope.WORKER] if access_of(user) == Access.ADMIN else []
        self.fields["scope"].choices = [(scope.value, scope.label) for scope in scopes]  # type: ignore[attr-defined]


def _page(  # nosec B107 # no secret by default
    request: HttpRequest,
    profile: ProfileForm | None = None,
    form: TokenForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    context = {
        "role": people.words(access_of(user)),
        "profile": profile or ProfileForm(user),
        "form": form or TokenForm(user),
        "tokens": user.tokens.all(),
        "secret": secret,
        "example": request.build_absolute_uri("/api/v1/experiments"),
    }
    return render(request, "pages/account.html", context, status=status)


@viewer
def account(request: HttpRequest) -> HttpResponse:
    """Show the account of the request; a POST changes name and e-mail."""
    assert isinstance(request.user, User)
    if request.method != "POST":
        return _page(request)
    form = ProfileForm(User.objects.get(pk=request.user.pk), request.POST)
    if not form.is_valid():
        return _page(request, profile=form, status=422)
    people.describe(form.save(commit=False), form.changed_data)
    messages.info(request, "Your account is saved.")
    return redirect("account")


@viewer
@require_POST
@never_cache
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token. Only this answer shows its secret, and browsers do not store it."""
    assert isinstance(request.user, User)
    form = TokenForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    days = form.cleaned_data["days"]
    _, secret = tokens.make(
        request.user, form.cleaned_data["name"], Scope(form.cleaned_data["scope"]), int(days) if days else None
    )
    return _page(request, secret=secret)


@viewer
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    tokens.revoke(get_object_or_404(Token, pk=pk, user=request.user))
    messages.info(request, "The token is revoked.")
    return redirect("account")
