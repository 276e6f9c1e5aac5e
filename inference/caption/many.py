"""Captions of many videos, as results JSON."""

from pathlib import Path
from typing import Any

from inference.caption.captioner import Captioner
from inference.many import tell_many, write_json
from inference.run_files import weights_file
from options.flat import flat_values
from util.files import sha256


def caption_many(captioner: Captioner, named: str, n_best: int, output: Path, flag: str) -> int:
    """Caption the videos of a folder or list -> 0, or 1 if some failed: they are listed.

    `flag`: the option that `output` is of.
    """

    def tell(video: str, file: Path) -> dict[str, Any]:
        said = captioner.caption(file, n_best=n_best)
        best = [{"caption": one.text, "score": one.score} for one in said]
        return {"image_id": video, "caption": said[0].text, "n_best": best}

    how = {
        "weights": sha256(weights_file(captioner.run.path)),
        "search": flat_values(captioner.search),
        "n_best": n_best,
    }
    return tell_many(named, output, flag, how=how, tell=tell, write=write_json, what="captions")
