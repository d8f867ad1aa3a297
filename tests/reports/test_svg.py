"""Scales, ticks and elements of the drawings."""

from hypothesis import given
from hypothesis import strategies as st

from crosstune.reports.svg import Frame, padded, path, tag, tick_labels, ticks


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


def test_padding_never_gives_an_empty_range() -> None:
    for values in ([], [0.0], [2.0, 2.0], [float("inf"), 1.0]):
        low, high = padded(values)
        assert low < high


def test_content_and_attributes_are_escaped() -> None:
    written = tag("text", '<b>"&', aria_label='"><script>\x1b')
    assert written == '<text aria-label="&#34;&gt;&lt;script&gt;\\x1b">&lt;b&gt;&#34;&amp;</text>'
