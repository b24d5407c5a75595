"""The kinds of store: their arrays, units and versions."""

from jointreg.stores.schema import Array, Schema

CROP = 224
"""Side of a person crop in pixels: the input size of SPIN, VIBE and MEVA."""

FRAMES = Schema(
    "frames",
    2,
    "One sequence after `prepare`: a row is one image of one camera, an undistorted square crop that "
    "is an exact pinhole. Facts: rows, camera_names, cameras (rotation and translation in metres, world "
    "to camera), take_names, joint_names, labels, image_size; joint_set if it is not Human3.6M's.",
    {
        "crops": Array(("frame", CROP, CROP, 3), "uint8", "RGB 0-255", "Undistorted crop.", chunk=16),
        "joints_cam": Array(("frame", "joint", 3), "float32", "m", "Labels, camera frame."),
        "joints_px": Array(("frame", "joint", 2), "float32", "px", "Labels projected into the crop."),
        "crop_intrinsics": Array(("frame", 3, 3), "float64", "px", "Pinhole K of the crop."),
        "camera": Array(("frame",), "int16", "index", "Row of facts.camera_names."),
        "take": Array(("frame",), "int16", "index", "Row of facts.take_names."),
        "frame": Array(
            ("frame",),
            "int32",
            "index",
            "Frame of the take, from 0, for all cameras.",
        ),
    },
)

MASKS = Schema(
    "masks",
    1,
    "Person masks in crop coordinates. Facts: rows, method.",
    {
        "masks": Array(("frame", CROP, CROP), "uint8", "probability x 255", "Person.", chunk=64),
        "score": Array(("frame",), "float32", "1", "Confidence 0-1; 0: no person, mask is empty."),
    },
)

BODIES = Schema(
    "bodies",
    1,
    "One body a row, camera frame of `frames`. Facts: rows, method; of networks also input: kind, crop, "
    "orientation.",
    {
        "rotations": Array(("frame", 24, 3, 3), "float32", "1", "Global orientation, 23 joints."),
        "betas": Array(("frame", "beta"), "float32", "sd", "Shape coefficients."),
        "translation": Array(("frame", 3), "float32", "m", "Added to every vertex."),
    },
)

FEATURES = Schema(
    "features",
    1,
    "Output of SPIN's ResNet-50 for every row of `frames`, in pictures cut by one rule of "
    "`run_network.crops`. Facts: rows, crop.",
    {
        "features": Array(("frame", 2048), "float32", "1", "Output of the backbone."),
        "crop_intrinsics": Array(("frame", 3, 3), "float64", "px", "Pinhole K of the picture."),
    },
)

JOINTS = Schema(
    "joints",
    1,
    "Joints of a method that has no bodies, in place of `bodies`. Facts: rows, method.",
    {"joints": Array(("frame", "joint", 3), "float32", "m", "Camera frame, joints of `frames`.")},
)

VERTICES = Schema(
    "vertices",
    1,
    "Meshes, in place of `bodies`: of a method that has no parameters of bodies, or the true ones that "
    "`diagnose` writes for the report. Facts: rows, method.",
    {
        "vertices": Array(
            ("frame", "vertex", 3), "float32", "m", "Camera frame, vertices of the run's mesh.", chunk=16
        )
    },
)

ENERGIES = Schema(
    "energies",
    2,
    "Energies of Eq. 2 over the iterations of `optimize`, before weighting. Facts: rows, terms.",
    {
        "iteration": Array(("step",), "int32", "index", "Iterations that were stored."),
        "energies": Array(("frame", "step", 4), "float32", "m^2, px, 1, px^2", "See facts.terms."),
    },
)

BACKGROUND = Schema(
    "background",
    1,
    "Empty-room image of each camera, full size. Facts: camera_names.",
    {
        "median": Array(("camera", "row", "column", 3), "uint8", "RGB 0-255", "Median.", chunk=1),
        "spread": Array(
            ("camera", "row", "column", 3),
            "uint8",
            "RGB / 16",
            "Noise, robust standard deviation.",
            chunk=1,
        ),
    },
)

ERRORS = Schema(
    "errors",
    1,
    "Errors of one method on one subject after root alignment and after similarity alignment. "
    "Facts: regressors, actions, joint_names, protocol, input (of networks).",
    {
        "mpjpe": Array(("regressor", "frame", "joint"), "float32", "m", "Root-aligned distance."),
        "pa_mpjpe": Array(("regressor", "frame", "joint"), "float32", "m", "After Procrustes."),
        "action": Array(("frame",), "int16", "index", "Row of facts.actions."),
        "take": Array(("frame",), "int16", "index", "Take within the action."),
        "camera": Array(("frame",), "int16", "index", "Row of facts.camera_names."),
        "frame": Array(("frame",), "int32", "index", "Frame number in the video."),
    },
)

OFFSETS = Schema(
    "offsets",
    1,
    "Label offsets of the training subjects in the frames of their limbs, and the regressor they were "
    "fitted with. Facts: subjects, joint_names, topology_hash, frames.",
    {
        "weights": Array(("joint", "vertex"), "float64", "1", "The regressor that all share."),
        "offsets": Array(("subject", 17, 3), "float64", "m", "Sum to 0 over subjects."),
        "error": Array(("subject", 17, 3), "float64", "m", "Standard error of `offsets`."),
        "noise": Array((51, 51), "float64", "m^2", "Covariance of the mean over one sequence."),
        "spread": Array((1,), "float64", "m", "Standard deviation of an offset, an axis."),
    },
)

SUBJECT_OFFSETS = Schema(
    "subject_offsets",
    3,
    "What was fitted together with the bodies of one subject: label offsets in the frames of its limbs, "
    "thickness of its clothes. Facts: subject, joint_names, parts, amplifies.",
    {
        "offsets": Array(
            (17, 3), "float64", "m", "Order of facts.joint_names; 0 where none are fitted."
        ),
        "thickness": Array((7,), "float64", "m", "Order of facts.parts; 0 where none is fitted."),
    },
)

LEARNING_CURVE = Schema(
    "learning_curve",
    1,
    "Regressors of some subjects and some of their frames. Facts: subsets (the subjects of each fit), "
    "joint_names, topology_hash.",
    {
        "weights": Array(
            ("fit", 17, "vertex"), "float64", "1", "Of the vertices that any fit uses.", 16
        ),
        "vertices": Array(("vertex",), "int32", "index", "Which vertices of the mesh these are."),
        "fraction": Array(("fit",), "float64", "1", "Share of the frames of the fit's subjects."),
        "frames": Array(("fit",), "int32", "1", "Number of frames."),
    },
)

SCHEMAS = (
    *(FRAMES, MASKS, FEATURES, BODIES, JOINTS, VERTICES, ENERGIES),
    *(BACKGROUND, ERRORS, OFFSETS, SUBJECT_OFFSETS, LEARNING_CURVE),
)


def of_method(kind: str) -> Schema:
    """Schema of what `estimate` writes for a method of this kind (`config.methods.KINDS`)."""
    return {"joints": JOINTS, "vertices": VERTICES}.get(kind, BODIES)
