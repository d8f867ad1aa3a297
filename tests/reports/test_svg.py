"""Scales, ticks and elements of the drawings."""

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.reports.svg import Frame, band, padded, path, square, tag, tick_labels, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6))
def test_ticks_are_few_inside_and_told_apart(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 * width <= value <= low + width * (1 + 1e-6) for value in found)
    assert len(set(tick_labels(found))) == len(found)


def test_known_ticks() -> None:
    assert ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(3.0, 3.0) == [3.0]
    assert tick_labels([0, 500, 1000]) == ["0", "500", "1,000"]
    assert tick_labels([0, 20000, 40000]) == ["0", "20k", "40k"]


def test_a_frame_maps_corners_and_breaks_lines_at_undefined_points() -> None:
    frame = Frame(
        x=(0.0, 10.0), y=(0.0, 1.0), x_title="x", width=100, height=100, left=0, right=0, top=0, bottom=0
    )
    assert (frame.across(5.0), frame.down(0.25)) == (50.0, 75.0)
    line = path(frame, [(0.0, 0.0), (5.0, float("nan")), (10.0, 1.0)], "line")
    assert 'd="M0.0 100.0M100.0 0.0"' in line


def labels(names: list[str]) -> list[tuple[float, str]]:
    """Give (middle, text) of the labels that a frame shows below its plot."""
    ticked = tuple((float(place), name) for place, name in enumerate(names))
    frame = Frame(x=(0.0, max(1.0, len(names) - 1.0)), y=(0.0, 1.0), x_title="x", x_ticks=ticked)
    found = re.findall(r'class="tick middle" x="([^"]+)"[^>]*>([^<]+)<', frame.draw("names"))
    return [(float(middle), text) for middle, text in found]


def test_names_below_a_plot_are_thinned_evenly_and_the_ends_stay() -> None:
    assert labels(["a", "b", "c"]) == [(42.0, "a"), (181.0, "b"), (320.0, "c")]
    blocks = [text for _, text in labels([f"block {place}" for place in range(13)])]
    assert blocks == ["block 0", "block 3", "block 6", "block 9", "block 12"]
    assert labels(["only"]) == [(42.0, "only")]


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=1, max_size=30))
@settings(max_examples=50)
def test_names_below_a_plot_stay_inside_it_and_never_overlap(names: list[str]) -> None:
    shown = [(middle - 3 * len(text), middle + 3 * len(text)) for middle, text in labels(names)]
    assert shown
    assert min(left for left, _ in shown) >= 0
    assert max(right for _, right in shown) <= 340
    assert all(one[1] < other[0] for one, other in pairwise(shown))


def test_a_band_goes_there_and_back_and_breaks_at_undefined_ends() -> None:
    frame = Frame(
        x=(0.0, 10.0), y=(0.0, 1.0), x_title="x", width=100, height=100, left=0, right=0, top=0, bottom=0
    )
    nan = float("nan")
    area = band(frame, [(0.0, 0.2, 0.4), (5.0, 0.4, 0.6), (7.0, nan, 0.5), (10.0, 0.0, 1.0)], "spread")
    assert 'd="M0.0 80.0L50.0 60.0L50.0 40.0L0.0 60.0ZM100.0 100.0L100.0 0.0Z"' in area
    box = square(frame, (5.0, 0.5), "point", 2.0, "<hint>")
    assert box == (
        '<rect class="point" x="48" y="48" width="4" height="4"><title>&lt;hint&gt;</title></rect>'
    )


def test_padding_never_gives_an_empty_range() -> None:
    for values in ([], [0.0], [2.0, 2.0], [float("inf"), 1.0]):
        low, high = padded(values)
        assert low < high


def test_content_and_attributes_are_escaped() -> None:
    written = tag("text", '<b>"&', aria_label='"><script>\x1b')
    assert written == '<text aria-label="&#34;&gt;&lt;script&gt;\\x1b">&lt;b&gt;&#34;&amp;</text>'
