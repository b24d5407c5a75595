import numpy as np

from jointreg.refine.normal_matrix import add_rows, damped_steps


def test_rows_add_up_to_their_products(generator):
    for count in (0, 1, 3, 4, 9):
        rows, scale = generator.normal(size=(count, 12)), generator.uniform(size=count)
        rows[generator.uniform(size=rows.shape) < 0.4] = 0
        matrix = np.zeros((12, 12))
        add_rows(rows, scale, matrix)
        np.testing.assert_allclose(matrix, np.triu((rows.T * scale) @ rows), atol=1e-14)


def test_steps_solve_the_damped_equations(generator):
    rows = generator.normal(size=(4, 5, 12))
    matrices = np.einsum("nri,nrj->nij", rows, rows)
    gradients, damping = generator.normal(size=(4, 12)), np.array([1e-3, 0.1, 1, 1e6])
    units = generator.uniform(0.1, 1, 12)
    which = np.array([2, 0, 1])
    steps = damped_steps(np.triu(matrices), gradients, damping, units, which)
    for step, n in zip(steps, which, strict=True):
        whole = matrices[n] + damping[n] * np.diag(units)
        np.testing.assert_allclose(whole @ step, -gradients[n], atol=1e-9)


def test_nothing_known_gives_a_step_of_the_gradient(generator):
    """Rows of zeros, as of joints that no vertex carries: never a singular matrix."""
    gradient = generator.normal(size=(1, 12))
    step = damped_steps(np.zeros((1, 12, 12)), gradient, np.full(1, 0.5), np.ones(12), np.arange(1))
    np.testing.assert_allclose(step, -2 * gradient, rtol=1e-15)
