"""The tree of errors: planned consequences, and classes that survive the way between processes."""

import pickle
import re

import pytest

from integration import errors
from integration.errors import (
    Busy,
    CredentialsRefused,
    IntegrationError,
    MappingMissing,
    Rejected,
    Throttled,
    TransientError,
)

CLASSES = sorted(
    (
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, IntegrationError)
    ),
    key=lambda one: one.__name__,
)


def sample(error_class: type[IntegrationError]) -> IntegrationError:
    if issubclass(error_class, Throttled):
        return error_class("slow down", 12.5)
    if issubclass(error_class, TransientError):
        return error_class("no answer", outcome_unknown=True)
    if issubclass(error_class, errors.HeldFor):
        return error_class("awaiting-tracking", "no numbers yet", 3_600.0)
    if issubclass(error_class, errors.Held):
        return error_class("mapping:tax:19", "tax 19 is not mapped")
    return error_class("the words of the platform")


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("error_class", CLASSES, ids=lambda one: one.__name__)
def test_every_error_survives_a_pickle_round_trip(error_class):
    error = sample(error_class)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is error_class
    assert vars(copy) == vars(error)
    assert (copy.args, str(copy)) == (error.args, str(error))


def documented_tree() -> dict[str, str | None]:
    """Parent by class, as the module's docstring draws it."""
    tree: dict[str, str | None] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"( {4,})([A-Z]\w+)", line)
        if found and found[2] in vars(errors):
            depth = len(found[1]) // 4 - 1
            path[depth:] = [found[2]]
            tree[found[2]] = path[depth - 1] if depth else None
    return tree


def test_the_docstring_draws_the_tree_of_the_classes():
    parents = {
        one.__name__: None if one is IntegrationError else one.__bases__[0].__name__
        for one in CLASSES
    }

    assert documented_tree() == parents


@pytest.mark.parametrize("error_class", CLASSES, ids=lambda one: one.__name__)
def test_every_error_says_what_it_means(error_class):
    assert error_class.__doc__


def test_an_error_reads_as_its_sentence():
    assert str(TransientError("no answer within 45 s", outcome_unknown=True)) == (
        "no answer within 45 s"
    )
    assert str(MappingMissing("mapping:tax:19", "tax 19 is not mapped")) == "tax 19 is not mapped"
    assert str(Throttled("slow down", 1.5)) == "slow down (retry after 1.5 s)"


def test_an_outcome_is_known_unless_said_otherwise():
    assert not TransientError("refused").outcome_unknown
    assert not Busy("locked").outcome_unknown


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        (400, Rejected),
        (401, CredentialsRefused),
        (403, CredentialsRefused),
        (404, Rejected),
        (408, TransientError),
        (409, Rejected),
        (422, Rejected),
        (425, TransientError),
        (429, Throttled),
        (500, TransientError),
        (502, TransientError),
        (503, TransientError),
        (504, TransientError),
    ],
)
def test_a_status_stands_for_its_consequence(status, error_class):
    assert errors.error_for(status) is error_class
