"""The generated data sets `shapes`: `{train,val,test}_actions.json`, each a list of objects.

An object has `video_id` (a number; its file is `videos/<number>.mp4`), `action`, `group` (videos
of one group are made of the same scene), `order_only` (whether no single frame tells the action)
and `family`: order-only actions of a family show the same frames in different orders.
"""

from collections import defaultdict
from pathlib import Path

from options.preprocess.labels import LabelOptions
from preprocess.annotation.dataset import SPLITS
from preprocess.annotation.items import Fields, read_items
from preprocess.annotation.label.row import LabelAnnotations, LabelRow

FIELDS: Fields = {
    "video_id": (int, str), "action": (str,), "group": (int, str), "order_only": (bool,),
    "family": (str,),
}  # fmt: skip
HINT = "--annotations is the folder with train_actions.json, ...; python -m preprocess.shapes"


def read(options: LabelOptions) -> LabelAnnotations:
    """The videos of each split, in the order of the files.

    Raises UserError, naming file, line, item and cure, for files that are missing or malformed.
    """
    splits, families, order_only = {}, defaultdict[str, dict[str, None]](dict), {}
    for split in SPLITS:
        path = Path(options.annotations) / f"{split}_actions.json"
        file = read_items(path, FIELDS, id_field="video_id", hint=f"{HINT} makes it", of="actions")
        splits[split] = [
            LabelRow(
                id=str(item["video_id"]),
                video=str(item["video_id"]),
                group=str(item["group"]),
                label=item["action"],
                where=f"{path.name}, video {item['video_id']}",
            )
            for item in file.items
        ]
        for item in file.items:
            families[item["family"]][item["action"]] = None
            order_only[item["action"]] = item["order_only"]
    classes = tuple(sorted(order_only))
    return LabelAnnotations(
        splits=splits,
        classes=classes,
        order_only=tuple(name for name in classes if order_only[name]),
        alike=tuple(
            group
            for family in sorted(families)
            if (group := tuple(name for name in sorted(families[family]) if order_only[name]))
        ),
    )
