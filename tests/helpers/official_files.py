"""Files as the field's tools write them, made from open data: Python 2 pickles with chumpy in them."""

import io
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np


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
