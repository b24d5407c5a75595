"""Checkpoints of networks, mean parameters, discriminators, weights of Mask R-CNN."""

import hashlib
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from checkpoint_files import mean_arrays, random_state, write_checkpoint, write_mean_params

from inputs import raw
from inputs.case import Case, Damage, Original, cases
from inputs.containers import KINDS, NPZ, NUMBERS, SHAPES, entries, keys_of, tables
from inputs.samples import one, posed
from jointreg.estimators.networks import load_head
from jointreg.refine.discriminator import Discriminator
from jointreg.segmentation.mask_rcnn import read_weights

KIND = "checkpoints, discriminators, weights"


@one
def spin() -> dict[str, torch.Tensor]:
    """SPIN without its backbone, which this reader does not look at."""
    heads = ("fc1", "fc2", "decpose", "decshape", "deccam", "init_")
    state = random_state("spin")
    used = {key: value for key, value in state.items() if key.startswith((*heads, "conv1"))}
    return used | {"smpl.faces": torch.zeros(3, dtype=torch.int64)}


def _spin(folder: Path) -> None:
    write_checkpoint(folder / "spin.pt", "spin", spin())
    write_mean_params(folder / "mean.npz")


def _legacy(folder: Path) -> None:
    torch.save({"model": spin()}, folder / "spin.pt", _use_new_zipfile_serialization=False)


def _read_spin(folder: Path, note: Callable[[str], None]) -> Any:
    means = folder / "mean.npz"
    head = load_head(
        "spin", checkpoint=folder / "spin.pt", mean_params=means if means.exists() else None
    )
    return {name: float(value.double().sum()) for name, value in head.state_dict().items()}


def _read_with_means(folder: Path, note: Callable[[str], None]) -> Any:
    head = load_head("spin", checkpoint=folder / "spin.pt", mean_params=folder / "mean.npz")
    return {name: float(value.double().sum()) for name, value in head.state_dict().items()}


def _without_means(folder: Path) -> None:
    """The checkpoint without the mean body, which then comes from mean.npz."""
    write_mean_params(folder / "mean.npz")
    state = {key: value for key, value in spin().items() if not key.startswith("init_")}
    write_checkpoint(folder / "spin.pt", "spin", state)


CHECKPOINT = Original(KIND, "SPIN", "spin.pt", _spin, _read_spin)
LEGACY = Original(KIND, "SPIN before 2020", "spin.pt", _legacy, _read_spin)
MEAN = Original(KIND, "mean parameters", "mean.npz", _without_means, _read_with_means)


def _state(
    name: str, change: Callable[[dict[Any, Any]], Any], right: str = "refused", untold: bool = False
) -> Damage:
    """The weights changed."""

    def apply(path: Path, _: np.random.Generator) -> None:
        write_checkpoint(path, "spin", change(dict(spin())))

    return Damage(f"its weights {name}", apply, right, untold)


def _content(name: str, content: Callable[[], Any]) -> Damage:
    return Damage(f"its content {name}", lambda path, _: torch.save(content(), path))


def _with(key: str, change: Callable[[torch.Tensor], Any]) -> Callable[[dict[Any, Any]], Any]:
    return lambda state: state | {key: change(state[key])}


def _one_of(value: torch.Tensor, number: float) -> torch.Tensor:
    changed = value.clone()
    changed.view(-1)[7] = number
    return changed


class Foreign:
    """A class that no reader knows."""


WEIGHT = "fc2.weight"
WEIGHTS = [
    *(
        _state(f"are of {kind}", _with(WEIGHT, lambda v, kind=kind: v.to(getattr(torch, kind))))
        for kind in ("int32", "int64", "uint8", "bool", "complex64", "int8", "int16")
    ),
    _state("are of float8", _with(WEIGHT, lambda v: v.to(torch.float8_e4m3fn))),
    _state("are in float64", _with(WEIGHT, lambda v: v.double()), "accepted"),
    _state("are sparse", _with(WEIGHT, lambda v: v.to_sparse())),
    _state("are sparse rows", _with(WEIGHT, lambda v: v.to_sparse_csr())),
    _state("are quantised", _with(WEIGHT, lambda v: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8))),
    _state("are without storage", _with(WEIGHT, lambda v: v.to("meta"))),
    _state("are transposed", _with("fc1.weight", lambda v: v.T.contiguous())),
    _state("are flat", _with(WEIGHT, lambda v: v.ravel())),
    _state("are of one axis more", _with(WEIGHT, lambda v: v[None])),
    _state("are one number", _with(WEIGHT, lambda v: torch.tensor(1.0))),
    _state("are shorter", _with(WEIGHT, lambda v: v[:-1])),
    _state("are empty", _with(WEIGHT, lambda v: v[:0])),
    _state("are not a number", _with(WEIGHT, lambda v: _one_of(v, float("nan")))),
    _state("are infinite", _with(WEIGHT, lambda v: _one_of(v, float("inf")))),
    _state("are an array", _with(WEIGHT, lambda v: v.numpy())),
    _state("are a list", _with(WEIGHT, lambda v: v[:2, :2].tolist())),
    _state("are nothing", _with(WEIGHT, lambda v: None)),
    _state("are a word", _with(WEIGHT, lambda v: "none")),
    _state("are parameters", _with(WEIGHT, lambda v: torch.nn.Parameter(v)), "accepted"),
    _state("lack one", lambda s: {k: v for k, v in s.items() if k != WEIGHT}),
    _state("lack all biases", lambda s: {k: v for k, v in s.items() if not k.endswith("bias")}),
    _state("have numbers for names", lambda s: dict(enumerate(s.values()))),
    _state("have one name that is a number", lambda s: s | {3: s[WEIGHT]}),
    _state("have one name of bytes", lambda s: s | {b"fc2.weight": s[WEIGHT]}),
    _state("have names in capitals", lambda s: {k.upper(): v for k, v in s.items()}),
    _state("have names of a parallel module", lambda s: {f"module.{k}": v for k, v in s.items()}),
    _state("have one more", lambda s: s | {"strange.weight": torch.zeros(3)}, "noted"),
    _state("are in another order", lambda s: dict(reversed(s.items())), "accepted"),
    _state("are a list of tensors", lambda s: list(s.values())),
    _state("are none", lambda s: {}),
    _state("are VIBE's", lambda s: s | {"encoder.gru.weight_ih_l0": torch.zeros(3)}),
]
CONTENTS = [
    _content("is the weights alone", lambda: dict(spin())),
    _content("is under VIBE's key", lambda: {"gen_state_dict": dict(spin())}),
    _content("is a tensor", lambda: torch.zeros(5)),
    _content("is a list", lambda: [dict(spin())]),
    _content("is a number", lambda: 3),
    _content("is nothing", lambda: None),
    _content("is a word", lambda: "none"),
    _content("is empty", dict),
    _content("is nested", lambda: {"model": {"model": dict(spin())}}),
    _content("is a module", lambda: {"model": torch.nn.Linear(2, 2)}),
    _content("is of a foreign class", lambda: {"model": Foreign()}),
    _content("is a function", lambda: {"model": partial(print, "ran")}),
]


def _discriminator(folder: Path) -> None:
    Discriminator.create(torch.Generator().manual_seed(3)).save(folder / "discriminator.pt")


def _read_discriminator(folder: Path, note: Callable[[str], None]) -> Any:
    loaded = Discriminator.load(folder / "discriminator.pt")
    bodies = (torch.from_numpy(posed()[key]).double() for key in ("rotations", "betas"))
    return loaded(*bodies).detach().numpy()


DISCRIMINATOR = Original(KIND, "discriminator", "discriminator.pt", _discriminator, _read_discriminator)


def _parameter(
    name: str, change: Callable[[dict[Any, Any]], Any], right: str = "refused", untold: bool = False
) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        torch.save(change(torch.load(path, weights_only=True)), path)

    return Damage(f"its parameters {name}", apply, right, untold)


LAYER = "shape_1.weight"
PARAMETERS = [
    *(
        _parameter(f"are of {kind}", _with(LAYER, lambda v, kind=kind: v.to(getattr(torch, kind))))
        for kind in ("float16", "float64", "bfloat16", "int32", "uint8", "bool", "complex64")
    ),
    _parameter("are all in float64", lambda s: {k: v.double() for k, v in s.items()}),
    _parameter("are sparse", _with(LAYER, lambda v: v.to_sparse())),
    _parameter(
        "are quantised",
        _with(LAYER, lambda v: torch.quantize_per_tensor(v.float(), 0.1, 0, torch.qint8)),
    ),
    _parameter("are without storage", _with(LAYER, lambda v: v.to("meta"))),
    _parameter("are one number", _with(LAYER, lambda v: torch.tensor(1.0))),
    _parameter("have one number for heads", _with("heads.bias", lambda v: torch.tensor(1.0))),
    _parameter("are transposed", _with("shape_2.weight", lambda v: v[:, :-1].T.contiguous())),
    _parameter("are shorter", _with(LAYER, lambda v: v[:-1])),
    _parameter("are not a number", _with(LAYER, lambda v: _one_of(v, float("nan")))),
    _parameter("are infinite", _with(LAYER, lambda v: _one_of(v, float("inf")))),
    _parameter("are of other joints", _with("heads.bias", lambda v: v[:-2])),
    _parameter("are an array", _with(LAYER, lambda v: v.numpy())),
    _parameter("are nothing", _with(LAYER, lambda v: None)),
    _parameter("lack one", lambda s: {k: v for k, v in s.items() if k != LAYER}),
    _parameter("have one more", lambda s: s | {"more": torch.zeros(2)}),
    _parameter("have numbers for names", lambda s: dict(enumerate(s.values()))),
    _parameter("have one name that is a number", lambda s: s | {3: s[LAYER]}),
    _parameter("are a list", lambda s: list(s.values())),
    _parameter("are none", lambda s: {}),
    _parameter("are in a table", lambda s: {"model": s}),
    _parameter("are a tensor", lambda s: s[LAYER]),
    _parameter("are of a foreign class", lambda s: s | {"other": Foreign()}),
]


def _mask_rcnn(folder: Path) -> None:
    """Some parameters under the names of detectron2, with the digest beside that the settings give."""
    draw = np.random.default_rng(2)
    model = {f"backbone.res{n}.weight": draw.normal(size=(4, 3)).astype(np.float32) for n in range(2, 6)}
    content = {"model": model, "__author__": "detectron2"}
    (folder / "weights.pkl").write_bytes(pickle.dumps(content))


def _read_mask_rcnn(folder: Path, note: Callable[[str], None]) -> Any:
    """With the digest of the file as it lies there: that the settings name another is another test."""
    path = folder / "weights.pkl"
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    state = read_weights(path, digest, "fetch it again")
    return {name: value.numpy() for name, value in state.items()}


def _read_with_digest(folder: Path, note: Callable[[str], None]) -> Any:
    kept = folder / "digest"
    if not kept.exists():
        kept.write_text(hashlib.sha256((folder / "weights.pkl").read_bytes()).hexdigest())
    state = read_weights(folder / "weights.pkl", kept.read_text(), "fetch it again")
    return {name: value.numpy() for name, value in state.items()}


def _with_digest(folder: Path) -> None:
    _mask_rcnn(folder)
    raw_bytes = (folder / "weights.pkl").read_bytes()
    (folder / "digest").write_text(hashlib.sha256(raw_bytes).hexdigest())


MASK_RCNN = Original(KIND, "Mask R-CNN", "weights.pkl", _mask_rcnn, _read_mask_rcnn)
DIGESTED = Original(KIND, "Mask R-CNN, digest known", "weights.pkl", _with_digest, _read_with_digest)


def _weights(name: str, change: Callable[[dict[Any, Any]], Any], untold: bool = False) -> Damage:
    def apply(path: Path, _: np.random.Generator) -> None:
        path.write_bytes(pickle.dumps(change(pickle.loads(path.read_bytes()))))

    return Damage(f"its table {name}", apply, untold=untold)


def _res2(change: Callable[[np.ndarray], Any]) -> Callable[[dict[Any, Any]], Any]:
    def edit(table: dict[Any, Any]) -> dict[Any, Any]:
        model = table["model"]
        return table | {"model": model | {"backbone.res2.weight": change(model["backbone.res2.weight"])}}

    return edit


TABLE = [
    *(
        _weights(f"has {name} for an array", _res2(change))
        for name, change in (
            ("words", lambda v: np.array(["a", "b"])),
            ("nothing", lambda v: None),
            ("a list of words", lambda v: ["a"]),
            ("a ragged list", lambda v: [[1.0], [1.0, 2.0]]),
            ("a table", lambda v: {"a": 1}),
            ("no number", lambda v: np.full_like(v, np.nan)),
            ("one infinite", lambda v: np.where(v == v.max(), np.inf, v)),
            ("complex numbers", lambda v: v.astype(complex) * 1j),
            ("yes and no", lambda v: v > 0),
            ("dates", lambda v: v.astype("datetime64[s]")),
        )
    ),
    _weights("has numbers for names", lambda t: t | {"model": dict(enumerate(t["model"].values()))}),
    _weights("has a list of arrays", lambda t: t | {"model": list(t["model"].values())}),
    _weights("has nothing for a model", lambda t: t | {"model": None}),
    _weights("has a word for a model", lambda t: t | {"model": "none"}),
    _weights("is a list", lambda t: list(t.values())),
    _weights("is nothing", lambda t: None),
    _weights("is a number", lambda t: 3),
    _weights("is an array", lambda t: np.zeros(3)),
    _weights("is empty", lambda t: {}),
    _weights("has an empty model", lambda t: t | {"model": {}}),
    _weights("is of a foreign class", lambda t: t | {"model": Foreign()}),
    _weights("is a function", lambda t: t | {"model": partial(print, "ran")}),
]
MEANS = list(mean_arrays())
PLAUSIBLE = [
    *(
        f"{key} {name}"
        for key in MEANS
        for name in (
            "zero throughout",
            "of the other sign",
            "a thousand times smaller",
            "in inches",
            "zero in one row",
            "rounded to whole numbers",
            "a hundred times larger",
            "a thousand times larger",
            "a thousand times larger in one row",
            "1e30 in one place",
            "-1e30 in one place",
            "1e30 throughout",
        )
    ),
]
CASES: list[Case] = [
    *cases(CHECKPOINT, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(6, (0.0, 0.9), untold=False)]),
    *cases(CHECKPOINT, [*WEIGHTS, *CONTENTS]),
    *cases(LEGACY, [*raw.cut(), *raw.flips(3, (0.3, 0.9))]),
    *cases(MEAN, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(4, untold=False)]),
    *cases(MEAN, [*tables(NPZ), *keys_of(NPZ, MEANS)]),
    *cases(
        MEAN,
        entries(
            NPZ,
            MEANS,
            {k: v for k, v in SHAPES.items() if k != "transposed"} | KINDS | NUMBERS,
            untold=PLAUSIBLE,
        ),
    ),
    *cases(
        DISCRIMINATOR, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(6, (0.3, 0.9), untold=False)]
    ),
    *cases(DISCRIMINATOR, PARAMETERS),
    *cases(MASK_RCNN, [*raw.whole(), *raw.cut(), *TABLE]),
    *cases(DIGESTED, [*raw.whole(), *raw.cut(), *raw.ends(), *raw.flips(4, untold=False)]),
]
