"""What `benchmarks/peers.py` runs in the environment of a peer: `peers_alone.py NAME FOLDER`.

Needs NumPy and the peer, and nothing of jointreg. Prints CPU milliseconds and distances as JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import median_ms

STEP_PX = 1e-4
"""Of finite differences."""


def deodr(folder: Path) -> dict[str, float]:
    """Loss and gradient, frame after frame.

    DEODR's gradient is that of its own image where three things hold: back faces are culled, the edges
    of the contour are flagged, and colours are not corrected for perspective.
    """
    from deodr.differentiable_renderer import Scene2D

    given = dict(np.load(folder / "deodr.npz"))
    faces, edges = given["faces"].astype(np.uint32), given["edges"]

    def contour(points: np.ndarray) -> np.ndarray:
        """Edges of a face turned to the camera with one that is not, on the former, (F, 3)."""
        one, two, three = (points[faces[:, corner]] for corner in range(3))
        u, w = two - one, three - one
        front = u[:, 0] * w[:, 1] < w[:, 0] * u[:, 1]
        flags = np.zeros(faces.shape, bool)
        for face, start in ((2, 0), (3, 1)):
            side, other = edges[:, face], edges[:, 5 - face]
            chosen = front[side] & ~front[other]
            corner = faces[side] == edges[:, start, None]
            flags[side[chosen], corner.argmax(axis=1)[chosen]] = True
        return flags

    def draw(points: np.ndarray, depth: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray]:
        """Sum of (mask / 255 - image)^2, and its gradient (V, 2)."""
        count = len(points)
        scene: Any = Scene2D(
            faces=faces,
            faces_uv=faces,
            ij=points,
            depths=depth,
            textured=np.zeros(len(faces), bool),
            uv=np.zeros((count, 2)),
            shade=np.zeros(count),
            colors=np.ones((count, 1)),
            shaded=np.zeros(len(faces), bool),
            edgeflags=contour(points),
            height=mask.shape[0],
            width=mask.shape[1],
            nb_colors=1,
            texture=np.zeros((0, 0)),
            background_color=np.zeros(1),
            backface_culling=True,
        )
        image, _ = scene.render(sigma=1)
        residual = image[..., 0] - mask / 255
        scene.render_backward(2 * residual[..., None])
        return float(np.square(residual).sum()), scene.ij_b

    frames = list(zip(given["points"], given["depth"], given["masks"], strict=True))[:8]
    milliseconds = median_ms(lambda: [draw(*frame) for frame in frames], 3) / len(frames)
    losses = np.array([draw(*frame)[0] for frame in frames])
    ours = given["loss"][: len(frames)]
    points, depth, mask = frames[0]
    gradient = draw(points, depth, mask)[1].ravel()
    errors = []
    for index in np.argsort(-np.abs(gradient))[:10]:
        ends = []
        for sign in (1, -1):
            moved = points.copy()
            moved.reshape(-1)[index] += sign * STEP_PX
            ends.append(draw(moved, depth, mask)[0])
        errors.append((ends[0] - ends[1]) / (2 * STEP_PX) - gradient[index])
    flags = median_ms(lambda: [contour(frame[0]) for frame in frames], 3) / len(frames)
    return {
        "ms": milliseconds,
        "flags": flags,
        "apart": float(np.abs(losses / ours - 1).max()),
        "gradient": float(np.abs(errors).max() / np.abs(gradient).max()),
    }


def scipy(folder: Path) -> dict[str, float]:
    """NNLS of every joint on the stacked matrix."""
    from scipy.optimize import nnls

    given = dict(np.load(folder / "scipy.npz"))
    matrix, targets = given["matrix"], given["targets"]
    nnls(matrix[:9, :9], targets[0, :9])
    start = time.process_time()
    solved = [nnls(matrix, row)[0] for row in targets]
    milliseconds = 1e3 * (time.process_time() - start)
    squares = [
        sum(np.square(matrix @ w - row).sum() for w, row in zip(weights, targets, strict=True))
        for weights in (solved, given["weights"])
    ]
    return {"ms": milliseconds, "apart": squares[0] / squares[1] - 1}


def decord(folder: Path) -> dict[str, float]:
    """Wanted frames of a film by one thread."""
    from decord import VideoReader, cpu

    given = dict(np.load(folder / "decord.npz"))
    wanted = given["wanted"].tolist()

    def read() -> np.ndarray:
        return VideoReader(str(given["video"]), ctx=cpu(0), num_threads=1).get_batch(wanted).asnumpy()

    ours = given["pictures"].astype(int)
    apart = np.abs(read()[: len(ours)].astype(int) - ours).max()
    return {"ms": median_ms(read, 5) / len(wanted), "apart": float(apart)}


def smplfitter(folder: Path) -> dict[str, float]:
    """Bodies posed by NumPy and by numba."""
    import smplfitter.nb
    import smplfitter.np

    given = dict(np.load(folder / "smplfitter.npz"))
    results = {}
    for name, module in (("np", smplfitter.np), ("nb", smplfitter.nb)):
        model = module.BodyModel("smpl", "neutral", model_root=str(folder))

        def pose(model: Any = model) -> np.ndarray:
            return model(
                rel_rotmats=given["rotations"], shape_betas=given["betas"], trans=given["translation"]
            )["vertices"]

        results[name] = median_ms(pose, 9) / len(given["betas"])
        results[f"{name}_apart"] = float(np.abs(pose() - given["vertices"]).max())
    return results


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]))))
