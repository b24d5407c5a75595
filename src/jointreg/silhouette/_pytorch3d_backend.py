"""The reference code's silhouette by PyTorch3D itself, which is an optional package.

Its environment: `envs/pytorch3d.yaml`, or `make test-paper-backends`, which compares this backend with
`jointreg.silhouette._one_face_backend`. On a CPU PyTorch3D tests every pixel against
every face: seconds a frame.
"""

import torch

from jointreg.errors import ConfigError
from jointreg.silhouette._one_face_backend import SIGMA
from jointreg.silhouette.topology import Topology

try:
    from pytorch3d.renderer.mesh.rasterize_meshes import rasterize_meshes
    from pytorch3d.structures import Meshes
except ModuleNotFoundError as error:
    raise ConfigError(
        "silhouette backend 'pytorch3d' needs the package pytorch3d, which is not installed",
        "pip install -e '.[workflow,paper]' in an environment of its own (envs/pytorch3d.yaml), or "
        "use backend 'one_face', which gives the same numbers",
    ) from error

BLUR_RADIUS = 0.0
FACES_PER_PIXEL = 1
"""The reference code's setting; its softness is `SIGMA`."""
BINS_A_SIDE = 16
"""CUDA only: pixels are sorted into this many bins a side; PyTorch3D allows fewer than 22."""


def coverage(
    points: torch.Tensor, depth: torch.Tensor, topology: Topology, height: int, width: int
) -> torch.Tensor:
    """Opacity of every pixel, (N, V, 2) px and (N, V) m -> (N, H, W); differentiable in the points.

    Computed in float32. PyTorch3D's x points left and y up; +-1 are the borders of the shorter side.
    """
    if len(points) == 0:
        return points[:, :1, :1].expand(0, height, width)
    middle = points.new_tensor([(width - 1) / 2, (height - 1) / 2])
    ndc = (middle - points) * (2 / min(height, width))
    vertices = torch.cat([ndc, depth.detach().to(points)[..., None]], dim=2).float()
    faces = torch.from_numpy(topology.faces).to(points.device, torch.int64)
    nearest, _, _, distances = rasterize_meshes(
        Meshes(vertices, faces.expand(len(points), -1, -1)),
        image_size=(height, width),
        blur_radius=BLUR_RADIUS,
        faces_per_pixel=FACES_PER_PIXEL,
        # 0: every pixel looks at every face, all that there is on a CPU. Room for all faces in
        # every bin, because PyTorch3D drops those beyond it.
        bin_size=-(-max(height, width) // BINS_A_SIDE) if points.is_cuda else 0,
        max_faces_per_bin=len(points) * len(topology.faces),
        perspective_correct=False,
    )
    opacity = torch.sigmoid(-distances / SIGMA) * (nearest >= 0)
    return (1 - (1 - opacity).prod(dim=3)).to(points)
