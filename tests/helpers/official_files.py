"""Files as the field's tools write them, made from open data: Python 2 pickles with chumpy in them."""

import io
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np

from jointreg.skeleton import SMPL_24, SMPL_PARENTS


class _Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 did: both are its `str`."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_text(self, value):
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        short = len(raw) < 256
        length = bytes([len(raw)]) if short else struct.pack("<i", len(raw))
        self.write((pickle.SHORT_BINSTRING if short else pickle.BINSTRING) + length + raw)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_text


def python2_pickle(value, protocol=2):
    """Bytes of a pickle with the module names of numpy 1, scipy 1.2 and Python 2."""
    stream = io.BytesIO()
    _Python2Pickler(stream, protocol, fix_imports=True).dump(value)
    raw = stream.getvalue()
    for now, then in (
        (b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"),
        (b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n"),
    ):
        raw = raw.replace(now, then)
    return raw


class ChumpyAway:
    """While it is open there are classes under chumpy's names; afterwards nobody can import them."""

    NAMES = ("chumpy", "chumpy.ch", "chumpy.reordering", "chumpy.ch_ops")

    def __enter__(self):
        for name in self.NAMES:
            sys.modules[name] = types.ModuleType(name)
        return self

    def __exit__(self, *error):
        for name in self.NAMES:
            del sys.modules[name]

    def make(self, path, **state):
        """An object of the class `path` whose state is what chumpy leaves of one when it is pickled."""
        module, name = path.rsplit(".", 1)
        if not hasattr(sys.modules[module], name):
            setattr(sys.modules[module], name, type(name, (object,), {"__module__": module}))
        made = getattr(sys.modules[module], name)()
        usual = {"_dirty_vars": set(), "_itr": None, "_cache": {"r": None}, "_status": "new"}
        made.__dict__.update(usual | {"_make_dense": False, "_make_sparse": False} | state)
        return made


def smpl_arrays(body):
    """A body under the keys of an SMPL file, plain."""
    root = np.uint32(2**32 - 1)
    parents = np.concatenate([[root], body.parents[1:]]).astype(np.uint32)
    return {
        "v_template": body.template,
        "shapedirs": body.shape_directions,
        "posedirs": body.pose_directions.transpose(1, 2, 0),
        "weights": body.skinning_weights,
        "J_regressor": body.joint_regressor,
        "f": body.faces.astype(np.uint32),
        "kintree_table": np.stack([parents, np.arange(len(parents), dtype=np.uint32)]),
    }


def with_fingers(body, kind, generator):
    """Arrays of an SMPL-H or SMPL-X file: the open body, each hand dealt to 15 finger joints."""
    extra = 0 if kind == "SMPL-H" else 3  # jaw and eyes
    first = 22 + extra
    count = first + 30
    arrays = smpl_arrays(body)
    weights = np.zeros((body.n_vertices, count))
    weights[:, :22] = body.skinning_weights[:, :22]
    for side, hand in enumerate((22, 23)):
        share = generator.dirichlet(np.ones(15), body.n_vertices)
        start = first + 15 * side
        weights[:, start : start + 15] = body.skinning_weights[:, [hand]] * share
    if extra:
        head = SMPL_24.index("head")
        share = generator.dirichlet(np.ones(4), body.n_vertices)
        weights[:, [head, 22, 23, 24]] = body.skinning_weights[:, [head]] * share
    fingers = [20, *range(1, 3)], [21, *range(1, 3)]
    parents = list(SMPL_PARENTS[:22]) + [15] * extra
    for side in range(2):
        for finger in range(5):
            start = first + 15 * side + 3 * finger
            parents += [fingers[side][0], start, start + 1]
    regressor = generator.dirichlet(np.full(body.n_vertices, 0.01), count)
    regressor[:22] = body.joint_regressor[:22]
    posedirs = generator.normal(0, 1e-3, (body.n_vertices, 3, 9 * (count - 1)))
    expressions = generator.normal(0, 0.01, (body.n_vertices, 3, 10))
    hands = {
        f"hands_{what}{side}": np.zeros((45, 45) if what == "components" else 45)
        for what in ("components", "mean")
        for side in "lr"
    }
    faces = {
        "lmk_faces_idx": np.zeros(51, int),
        "lmk_bary_coords": np.zeros((51, 3)),
        "dynamic_lmk_faces_idx": np.zeros((79, 17), int),
        "dynamic_lmk_bary_coords": np.zeros((79, 17, 3)),
        "joint2num": np.array({"Pelvis": 0}, dtype=object),  # in SMPL-X files an array of a Python dict
    }
    return (
        arrays
        | {"weights": weights, "J_regressor": regressor, "posedirs": posedirs}
        | {"kintree_table": np.stack([np.array(parents) % 2**32, np.arange(count)]).astype(np.uint32)}
        | {"shapedirs": np.concatenate([arrays["shapedirs"], expressions], axis=2)}
        | hands
        | (faces if extra else {})
    )


def official_smpl(body, protocol=2):
    """Bytes of an SMPL pickle as it is handed out: float64, sparse J_regressor, chumpy expressions."""
    from scipy import sparse

    arrays = smpl_arrays(body)
    wide = np.concatenate([arrays["shapedirs"], np.ones((body.n_vertices, 3, 2))], axis=2)
    count = body.shape_directions.shape[2]
    first = np.arange(wide.size).reshape(wide.shape)[:, :, :count]
    with ChumpyAway() as chumpy:
        whole = chumpy.make("chumpy.ch.Ch", x=wide)
        joints = chumpy.make("chumpy.ch.Ch", x=body.joint_regressor @ body.template)
        contents = arrays | {
            "v_template": arrays["v_template"].astype(np.float64),
            "posedirs": chumpy.make("chumpy.ch.Ch", x=arrays["posedirs"].astype(np.float64)),
            "shapedirs": chumpy.make(
                "chumpy.reordering.Select", a=whole, idxs=first.ravel(), preferred_shape=first.shape
            ),
            "J_regressor": sparse.csc_matrix(body.joint_regressor.astype(np.float64)),
            "J": joints,
            "bs_style": "lbs",
            "bs_type": "lrotmin",
            "vert_sym_idxs": body.mirror.astype(np.int64),
            "pose_training_info": {"alpha": 1.0, "gender": "neutral"},
        }
        return python2_pickle(contents, protocol)


def write_official_smpl(path, body):
    """An SMPL pickle on disk."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(official_smpl(body))
