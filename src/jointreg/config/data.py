"""Blocks of the configuration that give where the data come from."""

from typing import Annotated, Literal

from pydantic import Field

from jointreg.config.values import Count, Names, Settings


class Dataset(Settings):
    """Where the data come from, and where they are."""

    source: Literal["human36m", "multiview", "landmarks", "synthetic"] = Field(
        description="human36m: files of Human3.6M; multiview: calibrated videos with labels; landmarks: "
        "calibrated videos, the workflow makes the labels; synthetic: the workflow makes everything"
    )
    root: str = Field(description="folder of the raw data")
    calibration: str = Field(
        description="metadata.xml of Human3.6M, or a calibration (docs/own_data.md)"
    )
    joints: str = Field(
        default="h36m_17",
        description="joint set of the labels, which regressors and tables then have: a name of "
        "docs/exchange.md#joint-sets, or a table of your own; other than h36m_17 with source multiview",
    )
    damaged: str = Field(description="table of sequences with known faults; empty for none")
    skip_damaged: bool = Field(description="leave out the sequences of `damaged`")

    @property
    def kind(self) -> Literal["human36m", "multiview"]:
        """Layout of `root`. Synthetic data have the layout of Human3.6M."""
        return "human36m" if self.source in ("human36m", "synthetic") else "multiview"


class RawFiles(Settings):
    """How the user's recordings and predictions are watched (every rule that reads them)."""

    changed: Literal["times", "contents"] = Field(
        description="what reruns the rules that read a file. times: another size or time; contents: "
        "another sha256, so that copies with new times rerun nothing; reads every file once"
    )
    missing: Literal["stop", "keep"] = Field(
        description="stop: a file that is gone stops the plan. keep: results of files that an earlier "
        "plan has seen stay valid, for example after the videos were deleted"
    )


class Kinds(Settings):
    """What the open data set shows: each key's first choice is the simplest world."""

    people: Literal["model", "free"] = Field(
        description="model: people of the open body's shape space; free: people of no shape space, with "
        "another skinning and moving hands"
    )
    clothes: Literal["none", "tight", "loose"] = Field(
        description="what lies over the skin that the cameras see; none: skin painted like clothes"
    )
    joints: Literal["own", "human36m"] = Field(
        description="what is labelled: points of the generator's own, or joints where Human3.6M's are, "
        "with a J_std that is wrong as the field's is"
    )
    markers: Literal["fixed", "moving"] = Field(
        description="fixed: each subject's labels are off by constants in the limbs' frames; moving: "
        "they also slide with the skin of a bent joint, and wander in time"
    )
    furniture: Literal["stools", "desks"] = Field(
        description="stools: people hide all furniture; desks: desks and chair backs hide those who sit"
    )


class Synthesize(Kinds):
    """The open data set (dataset.source synthetic; rules synthesize_rig, synthesize)."""

    parameters: str = Field(description="file with the generator's parameters and their sources")
    cameras: Names = Field(description="camera names to write")
    frames: Count = Field(description="frames a camera and take")
    frames_per_second: Annotated[float, Field(ge=1, le=1000)] = Field(
        description="frame rate of the videos, Hz"
    )
