"""What the drawings promise: well-formed, said in a sentence, safe with any text, true to the number."""

from __future__ import annotations

import xml.etree.ElementTree as Tree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from vending.web import charts, glass

NASTY = '<script>alert("1")</script>&'
numbers = st.floats(min_value=0, max_value=1e9, allow_nan=False) | st.integers(min_value=0, max_value=10**9)


def tree(svg: Markup) -> Tree.Element:
    return Tree.fromstring(f"<all>{svg}</all>")


def drawings(text: str) -> dict[str, Markup]:
    return {
        "scale": glass.scale(
            top=100,
            unit=text,
            parts=[(0, 20, "dry", text), (20, 21, "liquid", text)],
            steps=[(50, text)],
            first=text,
            after=text,
            label=text,
        ),
        "ampoule": glass.ampoule(427.6, label=text),
        "level": glass.level(0.5, label=text),
        "bars": charts.bars([(text, 3, text), (text, 5)], label=text, today=1, average=(4, text)),
        "line": charts.line(
            [(0, 3), (1, 2)],
            soon=[(2, 1), (3, 0)],
            band=[(1, 2, 2), (3, 0, 1)],
            label=text,
            marks=[(2, text)],
            names=[(0, text), (3, text)],
            limit=(1, text),
            crossing=(3, text),
            area=True,
        ),
        "stacked": charts.stacked(
            [(text, [1, 2, 3], text), (text, [1, 1, 1])],
            slots=6,
            expected=[4, 3, 2],
            band=[(3, 5), (2, 4), (1, 3)],
            label=text,
            marks=[(2, text)],
            names=[(0, text), (5, text)],
            now=text,
            said_of_expected=text,
        ),
        "sparkline": charts.sparkline([1, 4, 2], label=text),
    }


@pytest.mark.parametrize("name", drawings("x"))
def test_every_drawing_is_well_formed_and_says_its_sentence(name: str) -> None:
    found = [one for one in tree(drawings("Five of ten.")[name]).iter() if one.get("role") == "img"]
    assert [one.get("aria-label") for one in found] == ["Five of ten."]


@pytest.mark.parametrize("name", drawings("x"))
def test_a_name_with_markup_in_it_stays_text(name: str) -> None:
    svg = drawings(NASTY)[name]
    assert "<script" not in svg
    assert NASTY in "".join(tree(svg).itertext()) or tree(svg).find(".//*[@role='img']") is not None


@pytest.mark.parametrize("name", drawings("x"))
def test_no_drawing_carries_an_inline_style(name: str) -> None:
    assert all(one.get("style") is None for one in tree(drawings("x")[name]).iter())


@given(numbers)
def test_a_ruler_holds_its_value_and_is_not_much_longer(value: float) -> None:
    top, major = glass.nice_top(value)
    assert top >= value * (1 - 1e-9)
    assert top <= 2.5 * value or value < 1e-6
    assert 1 <= round(top / major) <= 5


@given(numbers)
def test_the_liquid_stands_at_the_number(value: float) -> None:
    svg = tree(glass.ampoule(value, label="x"))
    top, _ = glass.nice_top(value)
    liquid = svg.find(".//*[@class='liquid']")
    if value == 0:
        assert liquid is None
    elif value > 1e-6:
        assert liquid is not None
        surface = float(liquid.attrib["d"].split("H")[0].split()[-1])
        assert surface == pytest.approx(620 - 400 * min(value, top) / top, abs=0.06)


def test_a_scale_shows_two_parts_in_proportion_and_mirrors_from_right_to_left() -> None:
    parts = [(0, 412.6, "dry", ""), (412.6, 840.2, "liquid", "")]
    there = tree(glass.scale(top=1000, major=100, parts=parts, label="x"))
    back = tree(glass.scale(top=1000, major=100, parts=parts, label="x", rtl=True))
    assert [(r.get("x"), r.get("width")) for r in there.iter("rect")][:2] == [
        ("0%", "41.26%"),
        ("41.26%", "42.76%"),
    ]
    assert [(r.get("x"), r.get("width")) for r in back.iter("rect")][:2] == [
        ("58.74%", "41.26%"),
        ("15.98%", "42.76%"),
    ]


def test_a_value_beyond_the_ruler_makes_the_ruler_longer() -> None:
    svg = tree(glass.scale(top=100, major=10, parts=[(0, 260, "liquid", "")], label="x"))
    assert "300" in [one.text for one in svg.iter("text")]


def test_bars_are_as_tall_as_their_numbers() -> None:
    svg = tree(charts.bars([("a", 10), ("b", 5), ("c", 0)], label="x", today=2))
    tall = [float(one.attrib["height"]) for one in svg.iter("rect")]
    assert tall[0] == 2 * tall[1] > 0 == tall[2]
    assert [one.get("class") for one in svg.iter("rect")] == ["bar-tone", "bar-tone", "today"]


@pytest.mark.parametrize(
    "empty",
    [
        charts.bars([], label="x"),
        charts.line([], label="x"),
        charts.stacked([], slots=24, label="x"),
        charts.sparkline([], label="x"),
        glass.ampoule(0, label="x"),
        glass.level(0, label="x"),
        glass.scale(top=0, parts=[], label="x"),
    ],
)
def test_nothing_to_show_is_still_a_drawing(empty: Markup) -> None:
    assert tree(empty).find(".//*[@role='img']") is not None


def test_the_tone_of_a_level_is_told_by_shape_too() -> None:
    """Colour is never the only sign: off has a cross, vacant a dashed glass, and neither has liquid."""
    off, vacant = tree(glass.level(0.4, state="off")), tree(glass.level(0.4, state="vacant"))
    assert off.find(".//*[@class='cross']") is not None
    assert vacant.find(".//*[@class='liquid']") is None
    assert off.find(".//*[@class='liquid']") is None
