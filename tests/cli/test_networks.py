import pytest

from tfcompress.cli.networks import TEACHER_WIDTHS, build_network, build_student
from tfcompress.errors import DataError


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (200, 150, 4)])
def test_student_has_at_most_a_tenth_of_the_parameters(shape, classes):
    teacher = build_network(shape, classes, TEACHER_WIDTHS, "teacher")
    student = build_student(shape, classes, teacher.count_params() // 10)
    assert student.count_params() <= teacher.count_params() / 10
    assert student.output_shape == teacher.output_shape == (None, classes)


def test_no_student_fits():
    with pytest.raises(DataError, match="Received: 50 classes"):
        build_student((8, 8, 1), 50, 100)
