import pytest

from tfcompress.measurement import describe_machine, has_sparse_kernels

INTEL = "model name\t: Intel(R)  Xeon(R)\nflags\t\t: fpu sse avx avx2 {}\n"
ARM = "Features\t: fp asimd {}\nCPU part\t: 0xd0c\n"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (INTEL.format("avx512f avx512_vnni"), "AVX-512, int8 dot products (AVX-512 V"),
        (INTEL.format("avx_vnni"), "AVX2, int8 dot products (AVX VNNI)"),
        (INTEL.format(""), "AVX2, no int8 dot products"),
        (ARM.format("asimddp"), "Neon, int8 dot products (Arm dot product)"),
        (ARM.format(""), "Neon, no int8 dot products"),
        ("", "CPU features not known"),
    ],
)
def test_what_decides_int8_speed(cpuinfo, expected):
    assert expected in describe_machine(cpuinfo)


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (INTEL.format("avx512f"), False),
        ("flags\t\t: fpu sse sse2 sse4_1\n", True),
        (ARM.format("asimddp"), True),
        ("", None),
    ],
    ids=["AVX", "SSE", "Arm", "unknown"],
)
def test_sparse_kernels(cpuinfo, expected):
    assert has_sparse_kernels(cpuinfo) is expected
    answers = {True: "yes", False: "no"}
    if expected is not None:
        line = f"sparse kernels on this CPU: {answers[expected]}"
        assert line in describe_machine(cpuinfo)


def test_name_of_the_processor():
    assert describe_machine(INTEL.format("")).startswith("Intel(R) Xeon(R), ")


def test_this_machine_on_one_line():
    line = describe_machine()
    assert line == describe_machine()
    assert line
    assert "\n" not in line
