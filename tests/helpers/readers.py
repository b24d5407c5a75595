"""What the reader of a page has before its blocks of Python: arrays, and files where the page says."""

import numpy as np


def readme(folder):
    """A finished demo."""
    return {}


def scoring(folder):
    """J.npz, which a command of the page fits."""
    from jointreg.body import load_body
    from jointreg.regressor import load_regressor, save_regressor

    save_regressor(load_regressor(folder / "J_opt.npy", load_body("open")), folder / "J.npz")
    return {}


def _walking(folder):
    """Predicted bodies and labels of one sequence of the demo."""
    from jointreg import stores

    with np.load(folder / "data/open/human36m/predictions/sim_spin/S9/Walking.npz") as bodies:
        found = {name: bodies[name] for name in ("rotations", "betas")}
    labels = stores.FRAMES.read(folder / "results/open/prepare/S9/Walking.zarr.zip")
    return found | {"joints_cam": labels.joints_cam}


def exchange(folder):
    """Nothing: the page reads a file of the demo."""
    return {}


def body_mhr(folder):
    """A regressor for 18,439 vertices and a person as SAM 3D Body writes them."""
    weights = np.zeros((17, 18_439))
    weights[np.arange(17), 1000 * np.arange(17)] = 1
    np.savez(folder / "J_mhr.npz", weights)
    person = {"pred_vertices": np.zeros((18_439, 3), np.float32), "pred_cam_t": np.ones(3, np.float32)}
    np.savez(folder / "person.npz", **person)
    return {}


def _labelled(mesh, name, count):
    """Posed meshes and the places of a joint set's joints on them, one missing."""
    from jointreg.config.joint_sets import JOINT_SETS
    from jointreg.exchange.placement import expected_joints
    from jointreg.geometry.rotations import from_axis_angle

    generator, joints = np.random.default_rng(2), JOINT_SETS[name]
    rotations = from_axis_angle(generator.normal(0, 0.2, (count, 24, 3)))
    vertices = mesh.vertices(rotations, generator.normal(size=(count, 10)), np.zeros((count, 3)))
    sides = [name.startswith("left") - 1.0 * name.startswith("right") for name in joints.joints]
    places = expected_joints(mesh, joints) + 0.03 * np.outer(sides, (1, 0, 0))
    away = mesh.template[None] - places[:, None]
    nearest = np.argsort(np.linalg.norm(away, axis=2), axis=1)[:, :3]
    labels = vertices[:, nearest].mean(axis=2)
    labels[3, 1] = np.nan
    return {"vertices": vertices, "joints": labels, "names": joints.joints}


def labels_coco(folder):
    """Meshes of the open body with COCO's joints."""
    from jointreg.body import load_body

    return _labelled(load_body("open"), "coco_17", 60)


def body_smplx(folder):
    """Meshes as large as SMPL-X's, with joints that have names."""
    from meshes import SMPLX_VERTICES, finer

    from jointreg.body import load_body

    return _labelled(finer(load_body("open"), SMPLX_VERTICES), "lsp_14", 60)


def own_data(folder):
    """Three people's videos with labels and cameras, and true meshes with the same labels.

    One video stands for all of them.
    """
    import shutil

    from jointreg.body import load_body
    from jointreg.config import load, read_yaml
    from jointreg.config.sequences import Work
    from jointreg.datasets.readers import open_dataset
    from jointreg.synthetic.truth import read_bodies

    values = read_yaml(folder / "config/config.yaml", folder / "tests/tiny/config.yaml")
    values["dataset"] |= {"root": "data/open/human36m", "calibration": "data/open/human36m/metadata.xml"}
    work = Work("S1", "Walking", ("1",), ("54138969",), 0, -1, "train")
    (recording,) = open_dataset(load(values).dataset).recordings(work)
    camera = recording.camera
    cameras, people = ("cam1", "cam2", "cam3"), ("p1", "p2", "p3")
    for person in people:
        (folder / "data/mine" / person).mkdir(parents=True)
        for name in cameras:
            shutil.copy(recording.video, folder / "data/mine" / person / f"{name}.mp4")
    bodies = read_bodies(folder / "data/open/truth", "S1", "Walking")
    posed = load_body("open").vertices(*(bodies[k] for k in ("rotations", "betas", "translation")))
    return {
        "recordings": dict.fromkeys(people, camera.to_world(recording.joints_cam)),
        "joints": camera.to_world(recording.joints_cam),
        "cameras": dict.fromkeys(cameras, (camera.intrinsics, camera.rotation, camera.translation)),
        "vertices": camera.to_world(posed),
    }


def pictures(folder):
    """Crops of the demo: labels, masks, cameras, initial bodies and the regressor for them."""
    from jointreg import stores

    results, sequence = folder / "results/open", "S1/Walking.zarr.zip"
    frames = stores.FRAMES.read(results / "prepare" / sequence)
    masks = stores.MASKS.read(results / "segment" / sequence)
    bodies = stores.BODIES.read(results / "estimate/sim_spin" / sequence)
    return {
        "bodies": {name: bodies[name] for name in ("rotations", "betas", "translation")},
        "joints_cam": frames.joints_cam,
        "K": frames.crop_intrinsics,
        "masks": masks.masks,
        "scores": masks.score,
        "J_spin": np.load(results / "fit_regressor_spin/J_spin.npy"),
    }


def networks(folder):
    """Checkpoints of SPIN and VIBE with random weights, and pictures."""
    import torch
    from checkpoint_files import random_state, write_checkpoint

    for network, name in (("vibe", "vibe_model_wo_3dpw.pth.tar"), ("spin", "model_checkpoint.pt")):
        write_checkpoint(folder / name, network, random_state(network))
    return {"images": torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))}


def methods(folder):
    """Pictures' names and what a network said of them, in two batches."""
    (folder / "predictions/hmr2").mkdir(parents=True)
    generator = np.random.default_rng(3)
    batches = [
        {
            "global_orient": np.tile(np.eye(3), (2, 1, 1, 1)),
            "body_pose": np.tile(np.eye(3), (2, 23, 1, 1)),
            "betas": generator.normal(size=(2, 10)),
        }
        for _ in range(2)
    ]
    names = [f"S9_Walking 1.54138969_{number:06d}.jpg" for number in range(1, 5)]
    return {"np": np, "names": names, "outputs": batches}


def vertices(folder):
    """Meshes of the open body, and results of SAM 3D Body for two pictures."""
    from jointreg.body import load_body

    found = _walking(folder)
    (folder / "sam3d").mkdir()
    for picture in range(2):
        np.savez(folder / f"sam3d/{picture}.npz", pred_vertices=np.zeros((18439, 3), np.float32))
    meshes = load_body("open").vertices(found["rotations"], found["betas"])
    return {"vertices": meshes, "joints_cam": found["joints_cam"]}


def sequences(folder):
    """Sequence files in the forms of 3DPW and EMDB, predictions in WHAM's, and SMPL of a gender."""
    import pickle
    import shutil

    from jointreg.geometry.rotations import to_axis_angle

    bodies = _walking(folder)
    pose = to_axis_angle(bodies["rotations"]).reshape(-1, 72)
    frames, cameras = len(pose), np.tile(np.eye(4), (len(pose), 1, 1))
    threedpw = {
        "poses": [pose],
        "betas": [bodies["betas"][0]],
        "genders": ["m"],
        "campose_valid": [np.ones(frames, int)],
        "cam_poses": cameras,
    }
    smpl = {"poses_root": pose[:, :3], "poses_body": pose[:, 3:], "betas": bodies["betas"][0]}
    emdb = {
        "gender": "male",
        "smpl": smpl,
        "camera": {"extrinsics": cameras},
        "good_frames_mask": np.arange(frames) > 0,
    }
    person = {"pose": pose, "betas": bodies["betas"], "frame_ids": np.arange(frames)}
    for name, content in (
        ("downtown_walking_00", threedpw),
        ("P0_09_outdoor_walk_data", emdb),
        ("wham_output", {0: person}),
    ):
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
    for suffix in ("", ".json"):
        shutil.copy(folder / f"SMPL_NEUTRAL.npz{suffix}", folder / f"SMPL_MALE.npz{suffix}")
    return {}


NAMESPACES = {
    "README.md": readme,
    "docs/tutorial_score.md": scoring,
    "docs/exchange.md": exchange,
    "docs/body_mhr.md": body_mhr,
    "docs/body_smplx.md": body_smplx,
    "docs/labels_coco.md": labels_coco,
    "docs/tutorial_own_regressor.md": own_data,
    "docs/own_data.md": pictures,
    "docs/networks.md": networks,
    "docs/methods.md": methods,
    "docs/vertices.md": vertices,
    "docs/score_3dpw.md": sequences,
}
