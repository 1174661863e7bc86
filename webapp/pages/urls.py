from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from webapp.access import public
from webapp.pages import accounts, archives, charts, datasets, explorer, views

urlpatterns = [
    path("healthz", views.healthz),
    path("login/link/<str:uid>/<str:token>/", accounts.login_link, name="login-link"),
    path("login/", public(LoginView.as_view(template_name="pages/login.html", redirect_authenticated_user=True)), name="login"),
    path("logout/", public(LogoutView.as_view()), name="logout"),
    path("password/", accounts.password, name="password"),
    path("", views.experiments, name="experiments"),
    path("experiments/new/", views.new, name="new"),
    path("experiments/new/preview/", views.preview, name="preview"),
    path("experiments/import/", archives.bring_archive, name="import-archive"),
    path("experiments/<int:pk>/archive/", archives.archive, name="archive"),
    path("experiments/<int:pk>/", views.experiment, name="experiment"),
    path("experiments/<int:pk>/status/", views.status, name="experiment-status"),
    path("experiments/<int:pk>/launch/", views.launch, name="launch"),
    path("experiments/<int:pk>/stop/", views.stop, name="stop"),
    path("experiments/<int:pk>/charts/<slug:name>.<slug:how>", charts.chart, name="chart"),
    path("experiments/<int:pk>/examples/", explorer.explorer, name="explorer"),
    path("experiments/<int:pk>/examples/marked/", explorer.marked_examples, name="examples-marked"),
    path("experiments/<int:pk>/examples/export/<slug:how>/", explorer.export, name="examples-export"),
    path("experiments/<int:pk>/examples/<int:example>/", explorer.example, name="example"),
    path("experiments/<int:pk>/examples/<int:example>/nearby/", explorer.nearby, name="example-nearby"),
    path("experiments/<int:pk>/examples/<int:example>/words/", explorer.words, name="example-words"),
    path("experiments/<int:pk>/examples/<int:example>/write/", explorer.write, name="example-write"),
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/upload/", datasets.upload, name="upload"),
    path("datasets/imports/<int:pk>/", datasets.one_import, name="import"),
    path("datasets/imports/<int:pk>/check/", datasets.check, name="import-check"),
    path("datasets/imports/<int:pk>/again/", datasets.again, name="import-again"),
    path("datasets/imports/<int:pk>/change/", datasets.change, name="import-change"),
    path("datasets/imports/<int:pk>/stop/", datasets.stop, name="import-stop"),
    path("datasets/imports/<int:pk>/save/", datasets.save, name="import-save"),
    path("datasets/imports/<int:pk>/discard/", datasets.discard, name="import-discard"),
    path("datasets/<slug:name>/", datasets.dataset, name="dataset"),
    path("datasets/<slug:name>/fetch/", datasets.fetch, name="fetch"),
    path("runs/<int:pk>/", views.run, name="run"),
    path("runs/<int:pk>/status/", views.run_status, name="run-status"),
    path("runs/<int:pk>/stop/", views.stop_run, name="stop-run"),
]
