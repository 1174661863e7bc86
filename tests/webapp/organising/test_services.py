"""Projects, tags of experiments, favourites and saved views as they are stored, and refusals."""

import pytest
from django.contrib.auth.models import User

from tests.factories.experiments import spec
from webapp.experiments import services as experiments
from webapp.experiments.models import Experiment
from webapp.organising import queries, services
from webapp.organising.models import MOST_TAGS, MOST_VIEWS, Project, SavedView


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return experiments.create(owner, spec())


def test_two_projects_do_not_have_one_name_whatever_its_case(owner: User) -> None:
    services.create_project(owner, "Paper  figures ")
    with pytest.raises(ValueError, match="Another project has this name"):
        services.create_project(owner, "PAPER figures")
    other = services.create_project(owner, "Ablations")
    with pytest.raises(ValueError, match="Another project has this name"):
        services.change_project(other, "paper figures", "")
    umlauts = services.create_project(owner, "Übung, Straße")
    with pytest.raises(ValueError, match="Another project has this name"):
        services.create_project(owner, "übung, STRASSE")
    services.change_project(umlauts, "ÜBUNG, Straße", "")
    umlauts.delete()
    assert [project.name for project in queries.projects()] == ["Ablations", "Paper figures"]


@pytest.mark.parametrize(("name", "description"), [(" ", ""), ("\x00", ""), ("x" * 81, ""), ("Good", "x" * 20_001)], ids=range(4))
def test_a_name_and_a_description_have_limits(owner: User, name: str, description: str) -> None:
    with pytest.raises(ValueError, match=r"1 to 80 characters|at most 20,000"):
        services.create_project(owner, name, description)


def test_experiments_outlive_their_project(owner: User, experiment: Experiment) -> None:
    project = services.create_project(owner, "Short")
    services.move(experiment, project)
    Project.objects.get(pk=project.pk).delete()
    experiment.refresh_from_db()
    assert experiment.project is None


def test_a_tag_is_on_an_experiment_once_and_their_number_is_limited(owner: User, experiment: Experiment) -> None:
    assert services.tag(owner, experiment, "paper")
    assert not services.tag(owner, experiment, "paper")
    for number in range(1, MOST_TAGS):
        services.tag(owner, experiment, f"tag {number}")
    with pytest.raises(ValueError, match=f"at most {MOST_TAGS} tags"):
        services.tag(owner, experiment, "too many")
    assert experiment.tags.count() == MOST_TAGS


def test_names_of_tags_are_suggested_once_in_their_order_by_their_beginning(owner: User, experiment: Experiment) -> None:
    second = experiments.create(owner, spec())
    for target, names in ((experiment, ("paper", "ablation")), (second, ("paper", "pair"))):
        for name in names:
            services.tag(owner, target, name)
    assert queries.tag_names() == ["ablation", "pair", "paper"]
    assert queries.tag_names("#PA") == ["pair", "paper"]
    assert queries.tags_of([experiment.pk, second.pk]) == {experiment.pk: ["ablation", "paper"], second.pk: ["pair", "paper"]}


def test_a_favourite_is_that_of_an_account_and_goes_with_the_experiment(owner: User, experiment: Experiment) -> None:
    other = User.objects.create_user("grace")
    for _ in range(2):
        services.set_favourite(owner, experiment, True)
    assert queries.favourites_of(owner, [experiment.pk]) == {experiment.pk}
    assert queries.favourites_of(other, [experiment.pk]) == set()
    services.set_favourite(other, experiment, False)
    assert owner.favourites.count() == 1
    Experiment.objects.get(pk=experiment.pk).delete()
    assert owner.favourites.count() == 0


def test_a_view_has_no_page_and_no_empty_values_and_replaces_that_of_the_same_name(owner: User) -> None:
    services.save_view(owner, "Mine", "state=finished&q=&page=3&tag=a&tag=b&after=12", shared=False)
    assert SavedView.objects.get().query == "state=finished&tag=a&tag=b"
    services.save_view(owner, " Mine ", "q=probe", shared=True)
    view = SavedView.objects.get()
    assert (view.query, view.shared) == ("q=probe", True)
    with pytest.raises(ValueError, match="more than 2,000 characters"):
        services.save_view(owner, "Long", "q=" + "x" * 2000, shared=False)


def test_an_account_sees_its_own_views_first_and_then_those_that_others_share(owner: User) -> None:
    other = User.objects.create_user("grace")
    services.save_view(other, "A shared one", "q=a", shared=True)
    services.save_view(other, "Private", "q=b", shared=False)
    services.save_view(owner, "Zuletzt", "q=c", shared=False)
    assert [view.name for view in queries.saved_views(owner)] == ["Zuletzt", "A shared one"]
    private = SavedView.objects.get(name="Private")
    assert queries.saved_view(owner, private.pk) is None
    assert queries.saved_view(other, private.pk) == private


def test_the_number_of_views_of_an_account_is_limited_and_an_old_one_can_be_saved_again(owner: User) -> None:
    SavedView.objects.bulk_create([SavedView(owner=owner, name=f"View {number}") for number in range(MOST_VIEWS)])
    with pytest.raises(ValueError, match="Delete one first"):
        services.save_view(owner, "One more", "", shared=False)
    services.save_view(owner, "View 7", "q=7", shared=False)
    assert SavedView.objects.get(name="View 7").query == "q=7"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        *(("a\x07b\x00c", "abc"), ("\u202egnirts", "gnirts"), ("  two\n words ", "two words")),
        *(("\u05e9\u05dc\u05d5\u05dd", None), ("\U0001f469\u200d\U0001f52c " * 20, None), ("x" * 80, None)),
    ],
    ids=range(6),
)
def test_a_name_is_one_line_and_does_not_change_the_text_beside_it(owner: User, typed: str, stored: str | None) -> None:
    assert services.create_project(owner, typed).name == (typed.strip() if stored is None else stored)


@pytest.mark.parametrize("name", ["\u200b\u200b", "\u202e", "\ufe0f", "\x07"], ids=ascii)
def test_a_name_of_which_nothing_can_be_seen_is_refused(owner: User, name: str) -> None:
    with pytest.raises(ValueError, match="one of them visible"):
        services.save_view(owner, name, "state=draft", shared=False)
    with pytest.raises(ValueError, match="No character of the name can be seen"):
        spec(name=name)
