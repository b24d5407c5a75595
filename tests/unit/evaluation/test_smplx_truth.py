"""Truth of SMPL-X as RICH and BEDLAM have it, against bodies that are posed joint by joint here."""

import json
import pickle

import numpy as np
import pytest
from official_files import smpl_arrays, with_fingers
from scipy import sparse
from scipy.spatial.transform import Rotation

from jointreg.cli.commands import main
from jointreg.config.joint_sets import JOINT_SETS
from jointreg.errors import DataError
from jointreg.evaluation.presets import preset
from jointreg.evaluation.score_files import read_pair, score
from jointreg.evaluation.truth_files import read_truth

COUNT = 4
H36M = JOINT_SETS["h36m_17"]


@pytest.fixture(scope="module")
def smplx(body, generator_of_module, tmp_path_factory):
    """File of SMPL-X, its arrays, and the map from its meshes to the open body's.

    It is the open body with fingers, its vertices in another order, and small finger movements in its
    mean hands.
    """
    generator = generator_of_module
    arrays = with_fingers(body, "SMPL-X", generator)
    order = generator.permutation(body.n_vertices)
    place = np.argsort(order)
    for key in ("v_template", "shapedirs", "posedirs", "weights"):
        arrays[key] = arrays[key][order]
    arrays["J_regressor"] = arrays["J_regressor"][:, order]
    arrays["f"] = place[arrays["f"].astype(int)].astype(np.uint32)
    shapes = generator.normal(0, 0.002, (body.n_vertices, 3, 400))
    shapes[..., :10] = arrays["shapedirs"][..., :10]
    arrays["shapedirs"] = shapes
    arrays |= {f"hands_mean{side}": generator.normal(0, 0.3, 45) for side in "lr"}
    file = tmp_path_factory.mktemp("smplx") / "SMPLX_MALE.npz"
    np.savez(file, **arrays)
    back = sparse.csr_matrix(
        (np.ones(len(order)), (order, np.arange(len(order)))), shape=(len(order), len(order))
    )
    return file, arrays, back


@pytest.fixture(scope="module")
def generator_of_module():
    return np.random.default_rng(5)


def posed(arrays, pose, betas):
    """Vertices (V, 3) of one SMPL-X body, root at its place: skinning written down once more."""
    turns = Rotation.from_rotvec(pose.reshape(55, 3)).as_matrix()
    shaped = arrays["v_template"] + arrays["shapedirs"][..., : len(betas)] @ betas
    joints = arrays["J_regressor"] @ shaped
    shaped = shaped + arrays["posedirs"] @ (turns[1:] - np.eye(3)).ravel()
    parents = arrays["kintree_table"][0]
    placed = []
    for joint in range(55):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parents[joint]] if joint else 0)
        placed.append(placed[parents[joint]] @ local if joint else local)
    total = np.zeros((len(shaped), 3))
    for joint, matrix in enumerate(placed):
        moved = (shaped - joints[joint]) @ matrix[:3, :3].T + matrix[:3, 3]
        total += arrays["weights"][:, [joint]] * moved
    return total


@pytest.fixture
def people(generator):
    """Pose of 55 joints in the camera's frame, betas of one person, and a camera's rotation."""
    poses = generator.normal(0, 0.25, (COUNT, 55, 3))
    poses[:, 0] = np.array([np.pi, 0, 0]) + generator.normal(0, 0.1, (COUNT, 3))
    return poses, generator.normal(0, 1, 10), Rotation.from_rotvec([0.3, -1.0, 0.2]).as_matrix()


def write_rich(folder, poses, betas, turn, person="013", first=150):
    """A sequence as RICH has it, in the room's frame, and the camera's calibration."""
    for frame, pose in enumerate(poses):
        root = Rotation.from_matrix(turn.T @ Rotation.from_rotvec(pose[0]).as_matrix()).as_rotvec()
        content = {
            "global_orient": root[None],
            "body_pose": pose[1:22].reshape(1, 63),
            "betas": betas[None],
            "transl": np.ones((1, 3)),
            "left_hand_pose": np.full((1, 12), 0.4),
            "right_hand_pose": np.full((1, 12), 0.4),
            "jaw_pose": np.full((1, 3), 0.1),
            "leye_pose": np.zeros((1, 3)),
            "reye_pose": np.zeros((1, 3)),
            "expression": np.ones((1, 10)),
        }
        content = {key: value.astype(np.float32) for key, value in content.items()}
        path = folder / f"{first + frame:05d}" / f"{person}.pkl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(content))
    numbers = " ".join(f"{value:.9e}" for value in np.hstack([turn, np.ones((3, 1))]).ravel())
    calibration = folder.parent / "000.xml"
    calibration.write_text(
        '<?xml version="1.0"?>\n<opencv_storage>\n<CameraMatrix type_id="opencv-matrix">\n'
        f"<rows>3</rows><cols>4</cols><dt>f</dt>\n<data>{numbers}</data></CameraMatrix>\n"
        '<Intrinsics type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>f</dt>'
        "<data>1000. 0. 500. 0. 1000. 500. 0. 0. 1.</data></Intrinsics>\n</opencv_storage>\n"
    )
    return calibration


def as_evaluated(arrays, poses):
    """The poses that RICH's evaluations use: mean hands, face at rest."""
    poses = poses.copy()
    poses[:, 22:25] = 0
    poses[:, 25:] = np.concatenate([arrays["hands_meanl"], arrays["hands_meanr"]]).reshape(30, 3)
    return poses


def apart(one, other):
    """Largest distance of vertices after both meshes are moved to their middles, metres."""
    one, other = (points - points.mean(axis=1, keepdims=True) for points in (one, other))
    return np.linalg.norm(one - other, axis=-1).max()


def test_a_sequence_of_rich_is_posed_in_the_cameras_frame(tmp_path, smplx, people):
    file, arrays, _ = smplx
    poses, betas, turn = people
    camera = write_rich(tmp_path / "Gym_013_dips2", poses, betas, turn)
    told = []
    truth = read_truth(
        tmp_path / "Gym_013_dips2", H36M, None, note=told.append, body_file=file, camera=camera
    )
    expected = np.stack([posed(arrays, pose, betas) for pose in as_evaluated(arrays, poses)])
    assert apart(truth["vertices"], expected) < 1e-5
    assert truth["frame"].tolist() == [150, 151, 152, 153]
    assert "mean" in " ".join(told)
    one = tmp_path / "Gym_013_dips2" / "00152" / "013.pkl"
    single = read_truth(one, H36M, None, note=str, body_file=file, camera=camera)
    assert apart(single["vertices"], expected[2:3]) < 1e-5


def test_rich_is_scored_on_smpls_mesh_as_its_mapped_meshes_are(
    tmp_path, body, smplx, people, make_bodies, generator, capsys
):
    """The folder, the camera and the map, against meshes that were posed, turned and mapped before."""
    file, arrays, back = smplx
    poses, betas, turn = people
    folder = tmp_path / "Gym_013_dips2"
    camera = write_rich(folder, poses, betas, turn)
    rotations, shapes, _ = make_bodies(generator, COUNT)
    np.savez(tmp_path / "bodies.npz", rotations=rotations, betas=shapes)
    expected = np.stack([back @ posed(arrays, pose, betas) for pose in as_evaluated(arrays, poses)])
    np.savez(tmp_path / "meshes.npz", vertices=expected)
    protocol, own = preset("rich"), {"own": body.joint_regressor.astype(float)}
    before = score(
        read_pair(tmp_path / "bodies.npz", tmp_path / "meshes.npz", protocol, body, body, note=str),
        own,
        own,
        protocol,
        str,
    )
    with (tmp_path / "smplx2smpl.pkl").open("wb") as stream:
        pickle.dump({"matrix": back.toarray().astype(np.float32)}, stream)
    command = ["evaluate", tmp_path / "bodies.npz", folder, "--protocol", "rich", "--format", "json"]
    command += ["--truth-body", file, "--truth-camera", camera]
    assert main([*map(str, command), "--truth-map", str(tmp_path / "smplx2smpl.pkl")]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    found = {row["metric"]: row["value"] for row in rows}
    assert set(found) == set(protocol.metrics)
    assert found == pytest.approx(before.means["own"], abs=2e-2)


@pytest.mark.parametrize("n_betas", [10, 11, 16])
def test_labels_of_bedlam_are_posed_with_their_fingers(tmp_path, smplx, people, generator, n_betas):
    """Two people of one scene; the second is the planted one."""
    file, arrays, _ = smplx
    poses = people[0]
    shapes = generator.normal(0, 1, (COUNT, n_betas))
    rows = np.arange(2 * COUNT) % 2 == 1
    labels = {
        "imgname": np.repeat([f"seq_000000/seq_000000_{5 * n:04d}.png" for n in range(COUNT)], 2),
        "pose_cam": np.zeros((2 * COUNT, 165)),
        "shape": np.zeros((2 * COUNT, n_betas)),
        "trans_cam": np.ones((2 * COUNT, 3)),
        "cam_int": np.tile(np.eye(3), (2 * COUNT, 1, 1)),
        "gender": np.where(rows, "m", "f"),
        "sub": np.where(rows, "rp_two", "rp_one"),
    }
    labels["pose_cam"][rows], labels["shape"][rows] = poses.reshape(COUNT, 165), shapes
    path, told = tmp_path / "scene.npz", []
    np.savez(path, **labels)
    truth = read_truth(path, H36M, None, "rp_two", told.append, body_file=file)
    expected = np.stack([posed(arrays, *one) for one in zip(poses, shapes, strict=True)])
    assert apart(truth["vertices"], expected) < 1e-5
    assert truth["imgname"].tolist() == labels["imgname"][rows].tolist()
    needed = (
        f"neutral SMPL-X, which {file}" if n_betas > 10 else f"is 'm': the truth is posed by {file},"
    )
    assert needed in " ".join(told)
    with pytest.raises(DataError, match=r"(?s)2 people \(rp_one, rp_two\).*--truth-track rp_one"):
        read_truth(path, H36M, None, note=str, body_file=file)


def test_labels_without_fingers_have_the_mean_hands(tmp_path, smplx, people):
    """The arrays of BEDLAM's parsed test set of RICH."""
    file, arrays, _ = smplx
    poses, betas, _ = people
    path = tmp_path / "rich_test.npz"
    np.savez(path, pose_cam=poses[:, :22].reshape(COUNT, 66), shape=np.tile(betas, (COUNT, 1)))
    truth = read_truth(path, H36M, None, note=str, body_file=file)
    expected = np.stack([posed(arrays, pose, betas) for pose in as_evaluated(arrays, poses)])
    assert apart(truth["vertices"], expected) < 1e-5
    genders = np.array(["m", "f"])[np.arange(COUNT) % 2]
    np.savez(path, pose_cam=poses.reshape(COUNT, 165), shape=np.ones((COUNT, 10)), gender=genders)
    with pytest.raises(DataError, match="several genders"):
        read_truth(path, H36M, None, note=str, body_file=file)


def test_smplx_itself_agrees(smplx, people, monkeypatch):
    """The package of the body's makers, where it is installed."""
    package = pytest.importorskip("smplx", reason="smplx is the yardstick: pip install smplx")
    import torch

    file, arrays, _ = smplx
    poses, betas, _ = people
    ids = package.vertex_ids.vertex_ids  # its extra joints are vertices, which a mesh of 6890 must have
    monkeypatch.setitem(ids, "smplx", ids["smplh"])
    model = package.SMPLX(str(file), batch_size=COUNT, flat_hand_mean=False, num_pca_comps=6)
    theirs = model(
        global_orient=torch.tensor(poses[:, 0]).float(),
        body_pose=torch.tensor(poses[:, 1:22].reshape(COUNT, 63)).float(),
        betas=torch.tensor(np.tile(betas, (COUNT, 1))).float(),
    )
    ours = np.stack([posed(arrays, pose, betas) for pose in as_evaluated(arrays, poses)])
    assert apart(theirs.vertices.detach().numpy(), ours) < 1e-5


def test_what_cannot_be_known_is_refused_with_a_cure(tmp_path, body, smplx, people):
    file = smplx[0]
    poses, betas, turn = people
    folder = tmp_path / "Gym_013_dips2"
    camera = write_rich(folder, poses, betas, turn)

    def read(path=folder, track="", **more):
        options = {"body_file": file, "camera": camera} | more
        return read_truth(path, H36M, None, track, str, **options)

    with pytest.raises(DataError, match=r"(?s)room's frame.*--truth-camera"):
        read(camera="")
    with pytest.raises(DataError, match=r"(?s)parameters of SMPL-X.*--truth-body"):
        read(body_file="")
    with pytest.raises(DataError, match=r"(?s)no person '14'.*--truth-track 013"):
        read(track="14")
    np.savez(tmp_path / "smpl.npz", **smpl_arrays(body))
    with pytest.raises(DataError, match="is SMPL, expected SMPL-X"):
        read(body_file=tmp_path / "smpl.npz")
    other = tmp_path / "other.xml"
    for data, fault in (("1 2 3", "12 numbers"), ("1 " * 12, "no rotation")):
        other.write_text(
            f"<opencv_storage><CameraMatrix><data>{data}</data></CameraMatrix></opencv_storage>"
        )
        with pytest.raises(DataError, match=fault):
            read(camera=other)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is a folder, expected a file, or RICH"):
        read(tmp_path / "empty")
    np.savez(tmp_path / "labels.npz", joints_cam=np.zeros((3, 17, 3)))
    with pytest.raises(DataError, match="needs no camera"):
        read(tmp_path / "labels.npz")
    write_rich(folder, poses[:2], betas, turn, person="021")
    with pytest.raises(DataError, match=r"2 people \(013, 021\)"):
        read()
    assert read(track="021")["frame"].tolist() == [150, 151]
    (folder / "00150" / "021.pkl").write_bytes(pickle.dumps({"betas": betas}))
    with pytest.raises(DataError, match=r"021\.pkl lacks"):
        read(track="021")


def test_a_map_of_other_meshes_is_refused(tmp_path, body, make_bodies, generator):
    rotations, betas, _ = make_bodies(generator, COUNT)
    for name in ("bodies", "truth"):
        np.savez(tmp_path / f"{name}.npz", rotations=rotations, betas=betas)
    files = tmp_path / "bodies.npz", tmp_path / "truth.npz"
    wide = sparse.eye_array(body.n_vertices, 10475).tocsr()
    with pytest.raises(DataError, match=r"from 10475 vertices \(SMPL-X\) to 6890"):
        read_pair(*files, preset("rich"), body, body, maps=(None, wide), note=str)
