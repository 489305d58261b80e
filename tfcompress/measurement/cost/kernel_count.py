"""The share of zeros in kernels."""


class KernelCount:
    """What has a number of kernel weights, and knows how many of them are zero.

    Attributes:
        kernel_parameters: Weights in kernels.
        zeros: Those of them that are exactly zero.
    """

    kernel_parameters: int
    zeros: int

    @property
    def sparsity(self) -> float:
        """Share of kernel weights that are zero, 0 to 1; 0 without a kernel."""
        return share_of_zeros(self.zeros, self.kernel_parameters)


def share_of_zeros(zeros: int, kernel_parameters: int) -> float:
    """Computes `zeros / kernel_parameters`; 0 where there is no kernel."""
    return zeros / kernel_parameters if kernel_parameters else 0.0
