"""Write docs/what_the_field_uses.md: what the field's joint regressor does, from its public files.

Fetch the files of `FILES` into one folder, each as <owner>/<repository>/<path>, and run

    python tools/field_matrix.py FOLDER

The files are other people's: the page has numbers that are measured on them, and no weight.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from jointreg.body.files import load_body
from jointreg.config.joint_sets import JOINT_SETS, JointSet
from jointreg.exchange.matrix_files import read_matrix
from jointreg.exchange.meshes import read_mesh
from jointreg.exchange.vertex_maps import read_map
from jointreg.files.atomic import replace_file
from jointreg.skeleton import H36M_17, SMPL_24

PAGE = Path(__file__).resolve().parent.parent / "docs/what_the_field_uses.md"
_MHR = "facebookresearch/MHR/tools/mhr_smpl_conversion"
FILES = {
    "std": ("nkolot/GraphCMR/data/J_regressor_h36m.npy", "2023-12-17"),
    "opt": ("ubc-vision/joint-regressor-refinement/models/retrained_J_Regressor.pt", "2022-05-29"),
    "smpl": (
        "zju3dv/GVHMR/hmr4d/utils/body_model/smpl_neutral_J_regressor.pt",
        "2024-09-19",
    ),
    "map": (f"{_MHR}/assets/mhr2smpl_mapping.npz", "2026-07-28"),
    "mesh": (f"{_MHR}/assets/mhr_face_mask.ply", "2026-07-28"),
} | {f"person {k}": (f"{_MHR}/data/sam3d_body_outputs/img_subj0{k}.npz", "2026-07-28") for k in range(4)}
"""Role -> file and date of the commit that it was read at."""
LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
MOST_PARTS = 3


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the files, each as <owner>/<repository>/<path>")
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args()
    paths = {role: options.folder / path for role, (path, _) in FILES.items()}
    replace_file(options.output, page(paths).encode())


def page(paths: dict[str, Path]) -> str:
    """The page, from the files by their roles."""
    std, opt, smpl = (rows(paths[role]) for role in ("std", "opt", "smpl"))
    mhr = read_mesh(paths["mesh"])
    matrix = read_map(paths["map"], mhr).matrix
    rest = matrix @ (mhr.vertices / 100)  # MHR's files are in centimetres
    h36m, skeleton = JOINT_SETS["h36m_17"], JOINT_SETS["smpl_24"]
    lopsided = [
        ("`J_regressor_h36m`", sides_mm(std @ rest, h36m)),
        ("the paper's J_opt", sides_mm(opt @ rest, h36m)),
        ("SMPL's own joints (control)", sides_mm(smpl @ rest, skeleton)),
    ]
    errors: dict[str, list[np.ndarray]] = {name: [] for name in ("std", "opt", "smpl")}
    from_own, changed = [], []
    for k in range(4):
        with np.load(paths[f"person {k}"], allow_pickle=False) as person:
            points, body = person["pred_keypoints_3d"].astype(float), matrix @ person["pred_vertices"]
        target = JOINT_SETS["mhr_70"]
        for name, weights, own in (("std", std, h36m), ("opt", opt, h36m), ("smpl", smpl, skeleton)):
            errors[name].append(limbs_mm(weights @ body, own, points, target))
        from_own.append(limbs_mm(std @ body, h36m, smpl @ body, skeleton))
        changed.append(1e3 * np.linalg.norm((opt - std) @ body, axis=1))
    places = [
        ("`J_regressor_h36m`", np.mean(errors["std"], axis=0)),
        ("the paper's J_opt", np.mean(errors["opt"], axis=0)),
        ("SMPL's own joints (control)", np.mean(errors["smpl"], axis=0)),
    ]
    sources = [
        f"| `{path}` | {date} | {hashlib.sha256(paths[role].read_bytes()).hexdigest()[:12]} |"
        for role, (path, date) in FILES.items()
    ]
    by_joint = np.mean(changed, axis=0)
    return TEXT.format(
        sources="\n".join(sources),
        lopsided=table(lopsided),
        own=table([("`J_regressor_h36m`", np.mean(from_own, axis=0))]),
        keypoints=table(places),
        mean=np.mean(errors["std"]),
        control=np.mean(errors["smpl"]),
        parts="\n".join(parts(std, opt, smpl @ rest, rest)),
        change=by_joint.mean(),
        most=", ".join(
            f"{H36M_17[k].replace('_', ' ')} {by_joint[k]:.0f}" for k in np.argsort(-by_joint)[:4]
        ),
        single=", ".join(
            f"{name.replace('_', ' ')} {share:.0%}"
            for name, share in zip(H36M_17, opt.max(axis=1), strict=True)
            if share > 0.8
        ),
    )


def rows(path: Path) -> np.ndarray:
    """A matrix as its users apply it: no weight below zero, rows that sum to 1."""
    weights = np.maximum(read_matrix(path, lambda _: None)[0], 0)
    return weights / weights.sum(axis=1, keepdims=True)


def sides_mm(joints: np.ndarray, own: JointSet) -> np.ndarray:
    """Left joints from the mirrored right ones, on a mesh that is its own mirror image, mm, (6,)."""
    left = np.stack([joints[own.joints.index(f"left_{limb}")] for limb in LIMBS])
    right = np.stack([joints[own.joints.index(f"right_{limb}")] for limb in LIMBS])
    return 1e3 * np.linalg.norm(left - right * (-1, 1, 1), axis=1)


def limbs_mm(joints: np.ndarray, own: JointSet, others: np.ndarray, theirs: JointSet) -> np.ndarray:
    """Distance of joints from those of another set, mean of left and right, mm, (6,)."""
    names = [f"{side}_{limb}" for side in ("left", "right") for limb in LIMBS]
    first = joints[[own.joints.index(name) for name in names]]
    second = others[[theirs.joints.index(name) for name in names]]
    return 1e3 * np.linalg.norm(first - second, axis=1).reshape(2, -1).mean(axis=0)


def parts(std: np.ndarray, opt: np.ndarray, skeleton: np.ndarray, mesh: np.ndarray) -> list[str]:
    """A line a joint: vertices, and the bones that most of the weight of both matrices lies at.

    Where two bones meet, outside the bend, both are equally near: the one that begins there counts.
    """
    begins = np.maximum(load_body("open").parents, 0)[::-1]
    ends = zip(skeleton[begins], skeleton[::-1], strict=True)
    distance = np.stack([segment_distance(mesh, *both) for both in ends])
    bone = begins[distance.round(9).argmin(axis=0)]  # of bones as near the last in SMPL's order
    lines = []
    for joint, *both in zip(H36M_17, std, opt, strict=True):
        cells = []
        for weights in both:
            share = np.bincount(bone, weights, 24)
            first = [k for k in np.argsort(-share)[:MOST_PARTS] if share[k] >= 0.05]
            cells.append(", ".join(f"{SMPL_24[k].replace('_', ' ')} {share[k]:.0%}" for k in first))
        sizes = " / ".join(str(np.count_nonzero(weights)) for weights in both)
        lines.append(f"| {joint.replace('_', ' ')} | {sizes} | {cells[0]} | {cells[1]} |")
    return lines


def segment_distance(points: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance of points (V, 3) from a segment, (V,)."""
    along = end - begin
    share = np.clip((points - begin) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(points - begin - share[:, None] * along, axis=1)


def table(lines: list[tuple[str, np.ndarray]]) -> str:
    """Rows of six limbs and their mean."""
    head = f"| | {' | '.join(LIMBS)} | mean |\n| --- |{' ---: |' * 7}"
    cells = [
        f"| {name} | {' | '.join(f'{x:.0f}' for x in values)} | {values.mean():.0f} |"
        for name, values in lines
    ]
    return "\n".join([head, *cells])


TEXT = """\
# What the field's matrix does

Estimators of human pose are scored with `J_regressor_h36m`, a matrix that reads Human3.6M's 17
joints off SMPL's mesh. It makes both sides of the 3DPW numbers of GVHMR, PromptHMR, WHAM, CameraHMR
and BEDLAM-CLIFF (their public evaluation code, read in November 2026). How it was trained is not
published. This page measures what it does, beside J_opt: the matrix that the paper's authors released
(`retrained_J_Regressor.pt` below), applied as they apply it, without weights below zero and with rows
that sum to 1.

<!-- Written by tools/field_matrix.py. -->
The page is made from public files, which are fetched and not part of jointreg:
`python tools/field_matrix.py FOLDER`. Distances are in mm. Meshes of MHR are brought to SMPL's
topology by MHR's own map, whose error is in every number; the rows called control are SMPL's own
joints through the same map.

| file | as of | sha256 |
| --- | --- | --- |
{sources}

## Left and right differ

The mesh at rest of MHR is its own mirror image. A left joint, mirrored, should be the right joint.
Distance between the two:

{lopsided}

Option `symmetric` of the workflow ([regressor](regressor.md#options)) and `jointreg fit --symmetric`
give a matrix without this difference.

## It reads other points than SMPL's joints

Distance from SMPL's own joints on four bodies that SAM 3D Body estimated in photographs:

{own}

## SAM 3D Body's keypoints are other points again

The same four people: joints that a matrix reads off the estimated mesh, against the estimator's own
70 keypoints of that person:

{keypoints}

So the keypoints of SAM 3D Body, scored against Human3.6M's joints, differ by {mean:.0f} mm on the
limbs before any error of pose ({control:.0f} mm against SMPL's joints). Joints that the same matrix
reads off both meshes are like for like: [another mesh](exchange.md#another-mesh).

## What the paper's J_opt changes

The matrix that the paper released moves the 17 joints of these people by {change:.0f} mm in the
mean; most: {most} mm. Rows of which a single vertex carries most of the weight: {single}.

## Where the weights lie

Vertices with a weight (`J_regressor_h36m` / J_opt), and the bones that they lie nearest to on the
mesh at rest, by their share of the weight: at most three, of 5% and more. A bone runs from one of
SMPL's joints to the next and has the name of the first. A vertex to which that joint itself is the
nearest point belongs to it.

| joint | vertices | `J_regressor_h36m` | J_opt |
| --- | --- | --- | --- |
{parts}
"""

if __name__ == "__main__":
    main()
