"""Matrices as text: what is read, what is refused, and that nothing is lost on the way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from convviz import ConvvizError, matrices


@pytest.mark.parametrize(
    "text", ["1 2; 3 4", "1, 2\n3, 4", "[[1, 2], [3, 4]]", "[[1 2]\n [3 4]]", "1\t2\r\n3\t4\n\n", " 1 2 ; 3 4 ; "]
)
def test_the_usual_ways_of_writing_a_matrix_are_read(text):
    assert matrices.parse(text).tolist() == [[1, 2], [3, 4]]


def test_the_minus_of_a_printed_page_is_a_minus():
    assert matrices.parse("−1 2").tolist() == [[-1, 2]]


def test_fractions_are_read_exactly():
    assert matrices.parse("1/9 -2/3; 1 / 4, 3/-2").tolist() == [[1 / 9, -2 / 3], [0.25, -1.5]]


def test_who_writes_decimal_commas_is_told():
    with pytest.raises(ConvvizError, match=r"rows have 2 and 4 cells.*write 1.5 .*a comma parts two cells"):
        matrices.parse("1,5 2,5;3 4")
    with pytest.raises(ConvvizError, match=r"rows have 1 and 2 cells; give every row the same number$"):
        matrices.parse("1, 2; 3")
    with pytest.raises(ConvvizError, match=r"stand apart by commas and by spaces; use one of them, and write 1.5 "):
        matrices.parse("1,5 2,5; 3,5 4,5")
    for text in ("1,2; 3,4", "1, 2; 3, 4", "[[1, 2], [3,4]]", "1 2\n3 4", "1/9, 2/9; -1, 0"):
        assert matrices.parse(text).shape == (2, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1/0", "cell 1/0 divides by zero"),
        ("1/-0.0", "divides by zero"),
        ("1/2/3", "cell '1/2/3' is not a number"),
        ("/2", "cell '/2' is not a number"),
        ("1/inf", "out of range"),
        ("1/1e-300", "out of range"),
        ("", "the picture is empty"),
        (" ; \n ", "the picture is empty"),
        ("1 2; 3", "rows have 1 and 2 cells"),
        ("1 x; 2 3", "cell 'x' is not a number"),
        ("1 nan", "cell nan is NaN, which is no number; type one"),
        ("1/-NaN", "cell 1/-NaN is NaN"),
        ("-inf", "cell -inf is out of range"),
        ("inf/inf", "cell inf/inf is out of range"),
        ("1 inf", "out of range"),
        ("1000000000000", "cell 1000000000000 is out of range"),
        ("1 " * 17, "1 × 17 cells is too large; make it at most 16 × 16"),
        (";".join("1" * 17), "17 × 1 cells is too large"),
    ],
)
def test_what_is_no_matrix_is_refused_in_one_sentence(text, said):
    with pytest.raises(ConvvizError, match=said) as refusal:
        matrices.parse(text, what="picture")
    assert "; " in str(refusal.value)


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        arrays.array_shapes(min_dims=2, max_dims=2, max_side=5),
        elements={"min_value": -1e6, "max_value": 1e6},
    )
)
def test_a_matrix_as_text_comes_back_as_it_was(matrix):
    back = matrices.parse(matrices.text(matrix))
    assert np.array_equal(back.astype(matrix.dtype), matrix)


def test_no_zero_has_a_sign():
    assert matrices.text(np.array([[-0.0, 0.0, -1e-7]])) == "0 0 -1e-07"
    assert not np.signbit(matrices.parse("-0")).any()
