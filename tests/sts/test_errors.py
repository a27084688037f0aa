"""Every refusal has a code of its own, a sentence that ends, and survives the way between processes."""

import inspect
import pickle
import string

import pytest

from sts import errors
from sts.errors import StsError

ALL = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, StsError) and error.__module__ == "sts.errors"
]


def _fields(error):
    return {name: "x" for _, name, _, _ in string.Formatter().parse(error.template) if name}


def test_codes_are_unique():
    codes = [error.code for error in ALL]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_the_error_speaks_one_clear_sentence(error):
    raised = error(**_fields(error))
    assert raised.sentence == str(raised)
    assert raised.sentence
    assert "{" not in raised.sentence


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.__name__)
def test_the_error_keeps_its_fields_between_processes(error):
    raised = error(**_fields(error))
    back = pickle.loads(pickle.dumps(raised))
    assert (type(back), back.fields, str(back)) == (type(raised), raised.fields, str(raised))


def test_the_codes_of_the_known_answer_interface_do_not_change():
    assert errors.FormatWrong.code == "format"
    assert errors.CrcWrong.code == "crc"
    assert errors.Unsupported.code == "unsupported"
    assert errors.UnknownKind.code == "unknown_kind"
