"""How near estimated person masks are to true ones."""

import cv2
import numpy as np

from jointreg.errors import DataError
from jointreg.threads import one_opencv_thread


@one_opencv_thread()
def mask_quality(mask: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Overlap and signed boundary bias of one mask against the true coverage.

    Args:
        mask, true: coverage of each pixel, (H, W), uint8 0-255 or float 0-1.

    Returns:
        Intersection over union (of the coverages: sum of minima over sum of maxima), and the bias in
        pixels: area of the mask less the true area, over the true perimeter. It is positive where the
        mask is too wide.

    Raises:
        DataError: the true mask is empty.
    """
    mask, true = _as_share(mask), _as_share(true)
    if true.sum() <= 0:
        raise DataError("the true mask is empty", "compare frames that show the person only")
    overlap = np.minimum(mask, true).sum() / np.maximum(mask, true).sum()
    return float(overlap), float((mask.sum() - true.sum()) / perimeter(true))


def perimeter(mask: np.ndarray) -> float:
    """Length of the outlines of a mask (H, W) in pixels, holes included.

    The integral of the gradient's magnitude, which is exact for a smooth edge of any direction.
    """
    smooth = cv2.GaussianBlur(np.pad(_as_share(mask), 4), (0, 0), 1.0)
    dy, dx = np.gradient(smooth)
    return float(np.hypot(dx, dy).sum())


def _as_share(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.float64) / 255 if mask.dtype == np.uint8 else mask.astype(np.float64)
