"""The body of the report in a notebook: a mesh that turns, with the vertices of every regressor."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup, escape

from jointreg.body.model import Body
from jointreg.exchange.regressor import Regressor
from jointreg.files.templates import fill_html
from jointreg.report.body_viewer import Clip, pack

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("raster.js", "body_viewer.js")


class BodyView:
    """What a notebook shows where it is the last value of a cell.

    Args:
        body: the body model; the view begins with its T-pose.
        regressors: name -> regressor of its mesh; `std`, `spin`, `opt_full` have colours of their own.
        clips: posed bodies with labelled joints, to choose from; may be empty.
        height_px: of the view.
    """

    def __init__(
        self,
        body: Body,
        regressors: Mapping[str, Regressor],
        clips: Sequence[Clip] = (),
        height_px: int = 720,
    ) -> None:
        self.height_px = height_px
        self.page = fill_html(
            "report/assets/viewer.html",
            style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
            scripts=[Markup((ASSETS / name).read_text(encoding="utf-8")) for name in SCRIPTS],
            body_data=pack(body, regressors, clips),
        )

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its style and scripts stay inside."""
        return (
            f'<iframe srcdoc="{escape(str(self.page))}" style="width: 100%; height: {self.height_px}px; '
            'border: 0" sandbox="allow-scripts"></iframe>'
        )
